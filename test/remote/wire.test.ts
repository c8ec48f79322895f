import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PayloadInvalidError } from '../../src/index.ts'
import { Wire } from '../../src/remote/wire.ts'
import { fcParameters } from '../support/seed.ts'

const wire = new Wire(undefined)
const text = new TextEncoder()

describe('payloads on the wire', () => {
  it('come back as they were: JSON, bytes, nothing', () => {
    const payload = fc.oneof(fc.jsonValue(), fc.uint8Array(), fc.constant(undefined))
    fc.assert(
      fc.property(payload, (before) => {
        const { bytes, contentType } = wire.encode(before, 't')
        // JSON has no -0.
        const expected =
          before === undefined || before instanceof Uint8Array ? before : JSON.parse(JSON.stringify(before))
        expect(wire.decode(bytes, contentType, 't')).toEqual(expected)
      }),
      fcParameters(500),
    )
  })

  it('are refused when JSON cannot hold them', () => {
    expect(() => wire.encode(1n, 't')).toThrow(PayloadInvalidError)
    expect(() => wire.encode(() => 1, 't')).toThrow(PayloadInvalidError)
  })

  it('that cannot be decoded are refused', () => {
    expect(() => wire.decode(text.encode('{"half":'), undefined, 't')).toThrow(PayloadInvalidError)
    expect(() => wire.decode(Uint8Array.of(0x22, 0xff, 0x22), undefined, 't')).toThrow(/cannot be decoded/)
  })

  it('of a type that is not JSON are bytes, whoever says so', () => {
    const bytes = text.encode('{}')

    expect(wire.decode(bytes, 'image/png', 't')).toBe(bytes)
    expect(wire.decode(bytes, 'application/json; charset=utf-8', 't')).toEqual({})
    expect(wire.decode(bytes, 'application/cloudevents+json', 't')).toEqual({})
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
