import type { Msg } from '@nats-io/nats-core'
import type { MessageFactory } from '../core/memory-message.ts'
import type { Headers, Message } from '../core/message.ts'
import type { Wire } from '../remote/wire.ts'
import { plainBytes } from './bytes.ts'
import { fromNatsHeaders, type HeaderContent } from './headers.ts'

/** What all messages of one subscription have in common. */
export interface Origin {
  readonly wire: Wire
  readonly stamps: MessageFactory
  /** Given where the pattern is a topic: then nothing needs to be decoded to know it. */
  readonly topic: string | undefined
}

const notDecoded = Symbol('not decoded')
let idPrefix: string | undefined
let idsMade = 0

/**
 * A message as it came from the server. Whatever is not asked for is not decoded. A body that cannot be decoded fails in
 * the hands of whoever reads `payload`, as `PayloadInvalidError`; `raw` has the bytes.
 */
export class NatsMessage implements Message {
  readonly #msg: Msg
  readonly #origin: Origin
  readonly #arrived: number
  #payload: unknown = notDecoded
  #content: HeaderContent | undefined
  #id: string | undefined

  constructor(msg: Msg, origin: Origin) {
    this.#msg = msg
    this.#origin = origin
    this.#arrived = origin.stamps.stamp().time
  }

  get topic(): string {
    return this.#origin.topic ?? this.#msg.subject
  }

  get raw(): Uint8Array {
    return plainBytes(this.#msg.data)
  }

  get payload(): unknown {
    if (this.#payload === notDecoded) {
      const { data } = this.#msg
      const decoded = this.#origin.wire.decode(data, this.#headers.contentType, this.topic)
      this.#payload = decoded === data ? plainBytes(data) : decoded
    }
    return this.#payload
  }

  get headers(): Headers {
    return this.#headers.headers
  }

  /** What the publisher gave; else made here, so that every receiver has another one. */
  get id(): string {
    return (this.#id ??= this.#headers.id ?? newId())
  }

  /** When it was published, where its headers say so; else when it arrived. */
  get time(): number {
    return this.#headers.time ?? this.#arrived
  }

  toJSON(): object {
    const { headers, id, payload, time, topic } = this
    return { topic, payload, headers, id, time }
  }

  get #headers(): HeaderContent {
    return (this.#content ??= fromNatsHeaders(this.#msg.headers))
  }
}

function newId(): string {
  idPrefix ??= globalThis.crypto.randomUUID()
  return `${idPrefix}-${(idsMade++).toString(36)}`
}
