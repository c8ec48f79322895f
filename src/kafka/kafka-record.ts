import type { Headers } from '../core/message.ts'
import { contentTypeHeader, type Wire } from '../remote/wire.ts'
import type { ClientHeaders, FetchedRecord } from './client.ts'
import type { KafkaMessage } from './contract.ts'
import type { TopicPartition } from './driver.ts'
import { emptyHeader } from './out-record.ts'

/** The header that carries a message's id. */
export const idHeader = 'spillway-id'

const notDecoded = Symbol('not decoded')
const nothing = new Uint8Array(0)
const noHeaders: Headers = Object.freeze({})

/**
 * A message as it came. Everything but its place is decoded when it is first asked for: what nobody reads costs nothing,
 * and a body that cannot be decoded fails in the hands of whoever handles it.
 */
export class KafkaRecord implements KafkaMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly #record: FetchedRecord
  readonly #wire: Wire
  #headers: Headers | undefined
  #payload: unknown = notDecoded

  constructor({ partition, topic }: TopicPartition, offset: number, record: FetchedRecord, wire: Wire) {
    this.topic = topic
    this.partition = partition
    this.offset = offset
    this.#record = record
    this.#wire = wire
  }

  /** Its number among what a group has begun: records of a partition come in the order of their offsets. */
  get seq(): number {
    return this.offset
  }

  get headers(): Headers {
    this.#headers ??= textHeaders(this.#record.headers)
    return this.#headers
  }

  /** The publisher's, or else its place and time: the place alone may be another message's in another cluster. */
  get id(): string {
    return this.headers[idHeader] ?? `${this.topic}/${this.partition}/${this.offset}/${this.time}`
  }

  get time(): number {
    return Number(this.#record.timestamp)
  }

  get key(): string | undefined {
    const { key } = this.#record
    return key === null || key === undefined ? undefined : text(key)
  }

  get tombstone(): boolean {
    return this.#record.value === null
  }

  get raw(): Uint8Array {
    const value = this.#record.value ?? nothing
    return value.length === 1 && this.#record.headers?.[emptyHeader] !== undefined ? nothing : value
  }

  /** What it takes in a buffer. */
  get bytes(): number {
    return (this.#record.value?.length ?? 0) + 64
  }

  get payload(): unknown {
    if (this.#payload === notDecoded)
      this.#payload = this.tombstone
        ? undefined
        : this.#wire.decode(this.raw, this.headers[contentTypeHeader], this.topic)
    return this.#payload
  }

  toJSON(): object {
    const { headers, id, key, offset, partition, payload, time, topic } = this
    return { topic, payload, headers, id, time, key, partition, offset }
  }
}

function textHeaders(headers: ClientHeaders | undefined): Headers {
  if (headers === undefined) return noHeaders
  const found: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    // A name may come more than once; the last one counts, as it does for Kafka's own clients.
    const last = Array.isArray(value) ? (value as readonly (Uint8Array | string)[]).at(-1) : value
    if (last !== undefined && last !== null)
      found[name] = typeof last === 'string' ? last : text(last as Uint8Array)
  }
  return found
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}
