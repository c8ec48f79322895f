import { type PayloadCodec, toJson } from '../core/codec.ts'
import { PayloadInvalidError } from '../core/errors.ts'

/** A payload as it travels. */
export interface Body {
  readonly bytes: Uint8Array
  /** Travels as a header so that the other end knows what it reads; undefined for JSON, which needs none. */
  readonly contentType: string | undefined
}

/** The header that says what a body is, when it is not JSON. */
export const contentTypeHeader = 'content-type'
const octets = 'application/octet-stream'
/** `application/json`, and everything like `application/cloudevents+json`. */
const json = /[/+]json\b/i
const nothing = new Uint8Array(0)

/**
 * Payloads on the wire: JSON, which every other client can read, but bytes stay bytes (a header says that
 * they are not JSON) and `undefined` is an empty body. A codec replaces all of it.
 */
export class Wire {
  readonly #codec: PayloadCodec | undefined
  readonly #encoder = new TextEncoder()
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })

  constructor(codec: PayloadCodec | undefined) {
    this.#codec = codec
  }

  /** Throws `PayloadInvalidError` for what JSON cannot hold, or what the codec throws. */
  encode(payload: unknown, topic: string): Body {
    if (this.#codec !== undefined)
      return { bytes: this.#codec.encode(payload, topic), contentType: undefined }
    if (payload instanceof Uint8Array) return { bytes: payload, contentType: octets }
    if (payload === undefined) return { bytes: nothing, contentType: undefined }
    return { bytes: this.#encoder.encode(toJson(payload, topic)), contentType: undefined }
  }

  /** Throws `PayloadInvalidError` for a body that is not what it should be. */
  decode(bytes: Uint8Array, contentType: string | undefined, topic: string): unknown {
    try {
      if (this.#codec !== undefined) return this.#codec.decode(bytes, topic)
      if (contentType !== undefined && !json.test(contentType)) return bytes
      if (bytes.length === 0) return undefined
      return JSON.parse(this.#decoder.decode(bytes))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new PayloadInvalidError(topic, [{ message: `${bytes.length} bytes cannot be decoded: ${why}` }])
    }
  }
}
