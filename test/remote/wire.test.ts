import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PayloadInvalidError } from '../../src/index.ts'
import { RemoteMessage } from '../../src/remote/remote-message.ts'
import { Wire } from '../../src/remote/wire.ts'
import { fcParameters } from '../support/seed.ts'

const wire = new Wire(undefined)
const text = new TextEncoder()

function arrive(bytes: Uint8Array, contentType?: string): RemoteMessage {
  const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType }
  return new RemoteMessage({ topic: 't', bytes, headers, id: '1', time: 0 }, wire)
}

describe('payloads on the wire', () => {
  it('come back as they were: JSON, bytes, nothing', () => {
    const payload = fc.oneof(fc.jsonValue(), fc.uint8Array(), fc.constant(undefined))
    fc.assert(
      fc.property(payload, (before) => {
        const { bytes, contentType } = wire.encode(before, 't')
        // JSON has no -0.
        const expected =
          before === undefined || before instanceof Uint8Array ? before : JSON.parse(JSON.stringify(before))
        expect(arrive(bytes, contentType).payload).toEqual(expected)
      }),
      fcParameters(500),
    )
  })

  it('are refused when JSON cannot hold them', () => {
    expect(() => wire.encode(1n, 't')).toThrow(PayloadInvalidError)
    expect(() => wire.encode(() => 1, 't')).toThrow(PayloadInvalidError)
  })

  it('that cannot be decoded fail when they are read, and the bytes are there', () => {
    const message = arrive(text.encode('{"half":'))

    expect(() => message.payload).toThrow(PayloadInvalidError)
    expect(message.raw).toEqual(text.encode('{"half":'))
    expect(() => arrive(Uint8Array.of(0x22, 0xff, 0x22)).payload).toThrow(/cannot be decoded/)
  })

  it('of a type that is not JSON are bytes, whoever says so', () => {
    const bytes = text.encode('{}')

    expect(arrive(bytes, 'image/png').payload).toBe(bytes)
    expect(arrive(bytes, 'application/json; charset=utf-8').payload).toEqual({})
    expect(arrive(bytes, 'application/cloudevents+json').payload).toEqual({})
  })

  it('are decoded once', () => {
    const message = arrive(text.encode('{}'))

    expect(message.payload).toBe(message.payload)
  })

  it('go through a codec alone where there is one', () => {
    const own = new Wire({
      encode: (payload) => text.encode(`<${String(payload)}>`),
      decode: (bytes) => bytes.length,
    })

    expect(own.encode('a', 't')).toEqual({ bytes: text.encode('<a>'), contentType: undefined })
    expect(own.decode(text.encode('abc'), 'application/octet-stream', 't')).toBe(3)
  })
})
