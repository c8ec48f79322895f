import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MsgHdrsImpl } from '@nats-io/nats-core/internal'
import { fromNatsHeaders, headerBytes, idHeader, timeHeader, toNatsHeaders } from '../../src/nats/headers.ts'
import { fcParameters } from '../support/seed.ts'

/** Over the wire and back, as the client does it. */
function travel(source: Parameters<typeof toNatsHeaders>[0]): ReturnType<typeof fromNatsHeaders> {
  const made = toNatsHeaders(source)
  if (made === undefined) return fromNatsHeaders(undefined)
  const bytes = (made as MsgHdrsImpl).encode()
  expect(headerBytes(made)).toBe(bytes.length)
  return fromNatsHeaders(MsgHdrsImpl.decode(bytes))
}

const names = fc.stringMatching(/^[!-9;-~]{1,12}$/)
const values = fc
  .string({ unit: 'grapheme-composite', maxLength: 20 })
  .filter((value) => value === value.trim() && !/[\r\n]/.test(value))

describe('headers in NATS', () => {
  it('N10: arrive as they were given, to the letter, with the id and the time', () => {
    const records = fc
      .dictionary(names, values, { noNullPrototype: true })
      .filter((record) =>
        Object.keys(record).every(
          (name) => ![idHeader, timeHeader].some((own) => own.toLowerCase() === name.toLowerCase()),
        ),
      )
    const ids = fc.option(
      values.filter((id) => id !== ''),
      { nil: undefined },
    )
    const times = fc.option(fc.nat(), { nil: undefined })
    fc.assert(
      fc.property(records, ids, times, (headers, id, time) => {
        const received = travel({ headers, id, time })
        const some = id !== undefined || Object.keys(headers).length > 0
        expect(received).toEqual({ headers: { ...headers }, id, time: some ? time : undefined })
      }),
      fcParameters(500),
    )
  })

  it('N10: keep names that differ only in case apart, and names that JavaScript has plans for', () => {
    const headers = Object.fromEntries([
      ['X-Case', '1'],
      ['x-case', '2'],
      ['__proto__', '3'],
      ['constructor', '4'],
    ])
    const received = travel({ headers }).headers
    expect(Object.entries(received)).toEqual(Object.entries(headers))
  })

  it.each([
    [{ headers: { 'a b': '1' } }, 'headers.a b'],
    [{ headers: { 'a:b': '1' } }, 'headers.a:b'],
    [{ headers: { '': '1' } }, 'headers.'],
    [{ headers: { ä: '1' } }, 'headers.ä'],
    [{ headers: { a: 'x\r\nb: injected' } }, 'headers.a'],
    [{ headers: { a: 'x\ny' } }, 'headers.a'],
    [{ headers: { a: ' x' } }, 'headers.a'],
    [{ headers: { a: 'x\u00a0' } }, 'headers.a'],
    [{ headers: { a: '\ud800' } }, 'headers.a'],
    [{ headers: { 'nats-msg-id': '1' } }, 'headers.nats-msg-id'],
    [{ id: 'a\r\n' }, 'id'],
    [{ id: ' a' }, 'id'],
  ])('N10: refuse %j before anything is sent', (source, option) => {
    expect(() => toNatsHeaders(source)).toThrow(
      expect.objectContaining({ code: 'SPW_INVALID_OPTION', option }),
    )
  })

  it('say the type of the body in any case, and what was given wins over the encoding', () => {
    const own = { 'Content-Type': 'image/png' }
    expect(travel({ headers: own, contentType: 'application/octet-stream' })).toMatchObject({
      headers: own,
      contentType: 'image/png',
    })
    expect(travel({ contentType: 'application/octet-stream' }).contentType).toBe('application/octet-stream')
  })

  it('are none at all when there is nothing to say', () => {
    expect(toNatsHeaders({})).toBeUndefined()
    expect(toNatsHeaders({ headers: {} })).toBeUndefined()
    expect(fromNatsHeaders(undefined)).toEqual({ headers: {} })
  })

  it('join several values of one name, and take an empty id and a broken time for none', () => {
    const received = new MsgHdrsImpl()
    received.append('a', '1')
    received.append('a', '2')
    received.append(idHeader, '')
    received.append(timeHeader, 'yesterday')
    expect(fromNatsHeaders(received)).toEqual({ headers: { a: '1, 2' } })
  })
})
