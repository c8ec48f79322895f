import type { Wire } from '../remote/wire.ts'
import type { FetchedRecord } from './client.ts'
import type { TopicPartition } from './driver.ts'
import { KafkaRecord } from './kafka-record.ts'

export interface FetchLimits {
  readonly messages: number
  readonly bytes: number
}

/**
 * What has been fetched of one partition and not been taken. It takes one batch beyond its limits; then whoever fetches
 * waits for `room`, or stops the partition.
 */
export class Fetched {
  /** The offset that comes next from the server: what lies before has been here. */
  next: number
  readonly #limits: FetchLimits
  #records: KafkaRecord[] = []
  #front = 0
  #bytes = 0
  #room: Promise<void> | undefined
  #ring: (() => void) | undefined

  constructor(start: number, limits: FetchLimits) {
    this.next = start
    this.#limits = limits
  }

  get size(): number {
    return this.#records.length - this.#front
  }

  get full(): boolean {
    return this.size >= this.#limits.messages || this.#bytes >= this.#limits.bytes
  }

  /** The offset of what is taken next. */
  get seq(): number {
    return this.#records[this.#front]?.offset ?? this.next
  }

  /** Takes in what was fetched, except what has been here before. */
  push(part: TopicPartition, records: readonly FetchedRecord[], wire: Wire): number {
    let taken = 0
    for (const record of records) {
      const offset = Number(record.offset)
      if (offset < this.next) continue
      const message = new KafkaRecord(part, offset, record, wire)
      this.next = offset + 1
      this.#bytes += message.bytes
      this.#records.push(message)
      taken++
    }
    return taken
  }

  take(): KafkaRecord | undefined {
    const record = this.#records[this.#front]
    if (record === undefined) return undefined
    this.#front++
    this.#bytes -= record.bytes
    if (this.#front === this.#records.length) {
      this.#records = []
      this.#front = 0
    } else if (this.#front >= 1024 && this.#front * 2 >= this.#records.length) {
      this.#records = this.#records.slice(this.#front)
      this.#front = 0
    }
    if (this.#ring !== undefined && this.#halfEmpty) this.release()
    return record
  }

  /** Resolves when it is half empty again, or is given up. */
  room(): Promise<void> {
    if (!this.full) return Promise.resolve()
    this.#room ??= new Promise((resolve) => {
      this.#ring = resolve
    })
    return this.#room
  }

  /** Lets whoever waits for room go on. */
  release(): void {
    const ring = this.#ring
    this.#ring = undefined
    this.#room = undefined
    ring?.()
  }

  clear(): void {
    this.#records = []
    this.#front = 0
    this.#bytes = 0
    this.release()
  }

  get #halfEmpty(): boolean {
    return this.size * 2 <= this.#limits.messages && this.#bytes * 2 <= this.#limits.bytes
  }
}
