import type { Msg } from '@nats-io/nats-core'
import type { Headers } from '../../core/message.ts'
import type { Wire } from '../../remote/wire.ts'
import { plainBytes } from '../bytes.ts'
import { fromNatsHeaders, type HeaderContent } from '../headers.ts'
import type { AckInfo } from './ack-info.ts'
import type { JetStreamMessage } from './contract.ts'

const notDecoded = Symbol('not decoded')

/**
 * A message of a stream, as it came. Headers and payload are decoded when somebody asks for them; a body that cannot be
 * decoded fails in the hands of whoever handles it.
 */
export class StoredMessage implements JetStreamMessage {
  readonly info: AckInfo
  readonly #msg: Msg
  readonly #wire: Wire
  #content: HeaderContent | undefined
  #payload: unknown = notDecoded
  #raw: Uint8Array | undefined

  constructor(msg: Msg, info: AckInfo, wire: Wire) {
    this.#msg = msg
    this.info = info
    this.#wire = wire
  }

  get topic(): string {
    return this.#msg.subject
  }

  get payload(): unknown {
    if (this.#payload === notDecoded)
      this.#payload = this.#wire.decode(this.raw, this.#read().contentType, this.topic)
    return this.#payload
  }

  get headers(): Headers {
    return this.#read().headers
  }

  /** What it was published with; a message of another client that has none is named after its place. */
  get id(): string {
    return this.#read().id ?? `${this.stream}-${this.seq}`
  }

  /** When the server stored it. */
  get time(): number {
    return this.info.timeMs
  }

  get key(): undefined {
    return undefined
  }

  get stream(): string {
    return this.info.stream
  }

  get offset(): number {
    return this.info.seq - 1
  }

  get seq(): number {
    return this.info.seq
  }

  get raw(): Uint8Array {
    return (this.#raw ??= plainBytes(this.#msg.data))
  }

  toJSON(): object {
    const { headers, id, offset, payload, seq, stream, time, topic } = this
    return { topic, payload, headers, id, time, stream, offset, seq }
  }

  #read(): HeaderContent {
    this.#content ??= fromNatsHeaders(this.#msg.headers)
    return this.#content
  }
}
