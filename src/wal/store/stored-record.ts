import type { Headers } from '../../core/message.ts'
import type { StoredMessage } from '../contract.ts'
import { type RecordCursor, readParts, type RecordParts } from '../format/batch-reader.ts'
import type { Payloads } from './payload.ts'

const noHeaders: Headers = Object.freeze({})
const noParts: RecordParts = Object.freeze({})

/** A message as the log holds it. Its id, if the publisher gave none, follows from the log and the number. */
export class StoredRecord implements StoredMessage {
  readonly topic: string
  readonly payload: unknown
  readonly offset: number
  readonly seq: number
  readonly time: number
  readonly #parts: RecordParts
  readonly #idPrefix: string

  constructor(cursor: RecordCursor, payloads: Payloads, idPrefix: string) {
    this.topic = cursor.topic
    this.offset = cursor.offset
    this.seq = cursor.seq
    this.time = cursor.timeMs
    this.#parts = cursor.attributes === 0 ? noParts : readParts(cursor)
    this.#idPrefix = idPrefix
    this.payload = payloads.decode(
      cursor.buffer,
      cursor.valueAt,
      cursor.valueEnd,
      cursor.encoding,
      this.topic,
    )
  }

  get headers(): Headers {
    return this.#parts.headers ?? noHeaders
  }

  get key(): string | undefined {
    return this.#parts.key
  }

  get tombstone(): boolean {
    return this.#parts.tombstone === true
  }

  get id(): string {
    return this.#parts.id ?? `${this.#idPrefix}-${this.seq.toString(36)}`
  }

  toJSON(): StoredMessage {
    const { topic, payload, headers, id, time, offset, seq, key, tombstone } = this
    return { topic, payload, headers, id, time, offset, seq, key, tombstone }
  }
}
