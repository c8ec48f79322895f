import { RingBuffer } from '../core/ring-buffer.ts'
import type { Cursor } from './cursor.ts'
import type { LogRecord } from './log-record.ts'
import { RecordRing } from './record-ring.ts'
import type { Limits } from './retention.ts'

/** The records of one topic that are retained. Appending and evicting cost the same however many there are. */
export class TopicLog extends RecordRing {
  readonly topic: string
  readonly limits: Limits
  /** True when `append` must be told the size of a record. */
  readonly measured: boolean
  /** True when `append` must be told the time. */
  readonly ages: boolean
  /** Σ of the sizes of what is retained. */
  bytes = 0
  /** Of each record what its limits must know; kept only where there is such a limit. */
  readonly #sizes: RingBuffer<number> | undefined
  readonly #births: RingBuffer<number> | undefined
  /** With so many records the topic is full; -1 if it has other limits besides. */
  readonly #full: number
  /** The cursors that have come to the end. */
  #idle: Cursor[] = []

  constructor(topic: string, limits: Limits) {
    super()
    this.topic = topic
    this.limits = limits
    this.measured = limits.bytes !== Number.POSITIVE_INFINITY
    this.ages = limits.ageMs !== Number.POSITIVE_INFINITY
    this.#sizes = this.measured ? new RingBuffer() : undefined
    this.#births = this.ages ? new RingBuffer() : undefined
    this.#full = this.measured || this.ages ? -1 : limits.count
  }

  /** Adds the record with the offset `next`. */
  append(record: LogRecord, size: number, now: number): void {
    if (this.next - this.first === this.#full) this.pushOver(record)
    else if (this.measured || this.ages) this.#appendWith(record, size, now)
    else this.push(record)
    if (this.#idle.length > 0) this.#rouse()
  }

  /** The first retained offset whose record is wanted, in an order where the wanted come last; `next` if none is. */
  search(wanted: (record: LogRecord) => boolean): number {
    let [low, high] = [this.first, this.next]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (wanted(this.at(middle))) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Evicts what has reached its age, also the newest; returns when the next will have, `Infinity` when nothing is left. */
  evictAged(now: number): number {
    for (let birth = this.#births?.at(0); birth !== undefined; birth = this.#births?.at(0)) {
      const due = birth + this.limits.ageMs
      if (due > now) return due
      this.#evict()
    }
    this.shrink() // what a burst has made large need not stay so
    return Number.POSITIVE_INFINITY
  }

  /** A cursor has come to the end. */
  rest(cursor: Cursor): void {
    cursor.seat = this.#idle.length
    this.#idle.push(cursor)
  }

  /** A cursor is not wanted any more. */
  leave(cursor: Cursor): void {
    if (cursor.seat < 0) return
    const last = this.#idle.pop()
    if (last !== undefined && last !== cursor) {
      last.seat = cursor.seat
      this.#idle[cursor.seat] = last
    }
    cursor.seat = -1
  }

  #rouse(): void {
    const cursors = this.#idle
    this.#idle = []
    for (const cursor of cursors) {
      cursor.seat = -1
      cursor.reader.roused(cursor)
    }
  }

  #appendWith(record: LogRecord, size: number, now: number): void {
    if (this.size >= this.limits.count) this.#evict()
    this.push(record)
    this.#sizes?.push(size)
    this.#births?.push(now)
    this.bytes += size
    while (this.bytes > this.limits.bytes && this.size > 1) this.#evict()
    while ((this.#births?.at(0) ?? now) + this.limits.ageMs <= now) this.#evict()
  }

  #evict(): void {
    this.shift()
    this.#births?.shift()
    this.bytes -= this.#sizes?.shift() ?? 0
    if (this.size === 0) this.bytes = 0 // fractions do not add up to exactly nothing
  }
}
