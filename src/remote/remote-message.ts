import type { Headers, Message } from '../core/message.ts'
import { contentTypeHeader, type Wire } from './wire.ts'

/** What an adapter knows of a message that came from its server. */
export interface Arrival {
  readonly topic: string
  readonly bytes: Uint8Array
  readonly headers: Headers
  readonly id: string
  readonly time: number
  readonly key?: string | undefined
}

const notDecoded = Symbol('not decoded')

/**
 * A message from a server. Its payload is decoded when it is first asked for: what nobody reads costs nothing, and a body
 * that cannot be decoded fails in the hands of whoever handles it, as `PayloadInvalidError`, instead of disappearing.
 * `raw` has the bytes as they came.
 */
export class RemoteMessage implements Message {
  readonly topic: string
  readonly headers: Headers
  readonly id: string
  readonly time: number
  readonly key: string | undefined
  readonly raw: Uint8Array
  readonly #wire: Wire
  #payload: unknown = notDecoded

  constructor(arrival: Arrival, wire: Wire) {
    this.topic = arrival.topic
    this.headers = arrival.headers
    this.id = arrival.id
    this.time = arrival.time
    this.key = arrival.key
    this.raw = arrival.bytes
    this.#wire = wire
  }

  get payload(): unknown {
    if (this.#payload === notDecoded)
      this.#payload = this.#wire.decode(this.raw, this.headers[contentTypeHeader], this.topic)
    return this.#payload
  }

  toJSON(): object {
    const { headers, id, payload, time, topic } = this
    return { topic, payload, headers, id, time }
  }
}
