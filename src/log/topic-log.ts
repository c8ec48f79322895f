import { RingBuffer } from '../core/ring-buffer.ts'
import type { Cursor } from './cursor.ts'
import type { LogRecord } from './log-record.ts'
import type { Limits } from './retention.ts'

/** The records of one topic that are retained. Appending and evicting cost the same however many there are. */
export class TopicLog {
  readonly topic: string
  readonly limits: Limits
  /** The offset of the next record. */
  next = 0
  /** Σ of the sizes of what is retained. */
  bytes = 0
  #records = new RingBuffer<LogRecord>()
  /** Of each record what its limits must know; kept only where there is such a limit. */
  #sizes: RingBuffer<number> | undefined
  #births: RingBuffer<number> | undefined
  /** The cursors that have come to the end. */
  #idle: Cursor[] = []

  constructor(topic: string, limits: Limits) {
    this.topic = topic
    this.limits = limits
    if (this.measured) this.#sizes = new RingBuffer()
    if (this.ages) this.#births = new RingBuffer()
  }

  /** The offset of the oldest record that is retained; `next` when there is none. So many have been evicted. */
  get first(): number {
    return this.next - this.#records.size
  }

  get measured(): boolean {
    return this.limits.bytes !== Number.POSITIVE_INFINITY
  }

  get ages(): boolean {
    return this.limits.ageMs !== Number.POSITIVE_INFINITY
  }

  /** Adds the record with the offset `next`. `size` is used by topics that are `measured`, `now` by those whose records age. */
  append(record: LogRecord, size: number, now: number): void {
    if (this.#records.size >= this.limits.count) this.#evict()
    this.#records.push(record)
    this.next++
    if (this.#sizes !== undefined) this.#weigh(this.#sizes, size)
    if (this.#births !== undefined) this.#age(this.#births, now)
    if (this.#idle.length > 0) this.#rouse()
  }

  /** The record at an offset that is retained. */
  at(offset: number): LogRecord {
    return this.#records.at(offset - this.first) as LogRecord // the caller has compared with `first` and `next`
  }

  /** Adds `count` records from an offset on to `target`; they must be retained. */
  copyInto(target: LogRecord[], offset: number, count: number): void {
    this.#records.copyInto(target, offset - this.first, count)
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
    const births = this.#births
    const { ageMs } = this.limits
    while (births !== undefined && births.size > 0) {
      const due = (births.at(0) ?? 0) + ageMs
      if (due > now) return due
      this.#evict()
    }
    this.#records = new RingBuffer() // what a burst has made large need not stay so
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

  #weigh(sizes: RingBuffer<number>, size: number): void {
    sizes.push(size)
    this.bytes += size
    while (this.bytes > this.limits.bytes && this.#records.size > 1) this.#evict()
  }

  #age(births: RingBuffer<number>, now: number): void {
    births.push(now)
    while ((births.at(0) ?? now) + this.limits.ageMs <= now) this.#evict()
  }

  #evict(): void {
    this.#records.shift()
    this.#births?.shift()
    if (this.#sizes === undefined) return
    this.bytes -= this.#sizes.shift() ?? 0
    if (this.#sizes.size === 0) this.bytes = 0 // fractions do not add up to exactly nothing
  }
}
