import { type PayloadCodec, toJson } from '../../core/codec.ts'
import { Encoding } from '../format/layout.ts'
import { BytePool } from './byte-pool.ts'

const nothing = new Uint8Array(0)

/** Turns payloads into values of records and back: bytes stay bytes, text is UTF-8, the rest is JSON. */
export class Payloads {
  readonly #codec: PayloadCodec | undefined
  readonly #pool = new BytePool()
  /** How the value last returned by `encode` is encoded. A field, because a pair per message would cost more than it says. */
  encoding: Encoding = Encoding.json

  constructor(codec: PayloadCodec | undefined) {
    this.#codec = codec
  }

  /** Sets `encoding` and returns the value. Throws `PayloadInvalidError` for what JSON cannot hold. */
  encode(payload: unknown, topic: string): string | Uint8Array {
    if (this.#codec !== undefined) {
      this.encoding = Encoding.custom
      return this.#codec.encode(payload, topic)
    }
    if (typeof payload === 'string') {
      this.encoding = Encoding.text
      return payload
    }
    if (payload instanceof Uint8Array) {
      this.encoding = Encoding.bytes
      return payload
    }
    if (payload === undefined) {
      this.encoding = Encoding.nothing
      return nothing
    }
    this.encoding = Encoding.json
    return toJson(payload, topic)
  }

  /** Values up to `end` of `buffer` will be decoded next; see `BytePool.begin`. */
  begin(buffer: Buffer, end: number): void {
    this.#pool.begin(buffer, end)
  }

  decode(buffer: Buffer, from: number, to: number, encoding: Encoding, topic: string): unknown {
    switch (encoding) {
      case Encoding.json:
        return JSON.parse(buffer.toString('utf8', from, to))
      case Encoding.text:
        return buffer.toString('utf8', from, to)
      case Encoding.bytes:
        return this.#pool.copy(buffer, from, to)
      case Encoding.nothing:
        return undefined
      default: {
        const bytes = this.#pool.copy(buffer, from, to)
        return this.#codec === undefined ? bytes : this.#codec.decode(bytes, topic)
      }
    }
  }
}
