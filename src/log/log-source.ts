import { Bell } from '../core/bell.ts'
import { OffsetEvictedError } from '../core/offset-errors.ts'
import type { Position } from '../core/position.ts'
import { isLiteral } from '../core/topic.ts'
import { Cursor, CursorHeap, type Rousable } from './cursor.ts'
import { findStart } from './find-start.ts'
import type { LogRecord } from './log-record.ts'
import type { LogStore, TopicWatcher } from './log-store.ts'
import type { RecordSource } from './record-source.ts'
import type { TopicLog } from './topic-log.ts'

/**
 * The records in memory that a pattern selects, from a position on. It has one cursor in each topic that matches: those
 * with something to read are in a heap, by the place of their next record, the others rest in their topics until
 * something is appended. So a reader costs a publisher nothing until it has caught up.
 */
export class LogSource implements RecordSource, Rousable, TopicWatcher {
  readonly pattern: string
  failure: OffsetEvictedError | undefined
  readonly #store: LogStore
  readonly #bell = new Bell()
  readonly #heap = new CursorHeap()
  #cursors: Cursor[]
  #stopped = false
  #closed = false

  /** Throws `OffsetEvictedError` and `OffsetOutOfRangeError`, before any effect. */
  constructor(store: LogStore, pattern: string, position: Position) {
    this.pattern = pattern
    this.#store = store
    const topics = store.matching(pattern)
    const start = findStart(topics, pattern, position)
    this.#cursors = topics.map((log) => new Cursor(log, this, start(log)))
    for (const cursor of this.#cursors) this.#settle(cursor)
    if (topics.length === 0 || !isLiteral(pattern)) store.watch(this)
  }

  get pending(): number {
    let pending = 0
    for (const cursor of this.#cursors) pending += cursor.pending
    return pending
  }

  get exhausted(): boolean {
    return this.#stopped && this.#heap.size === 0 && this.failure === undefined
  }

  take(): LogRecord | undefined {
    const cursor = this.#heap.top
    if (cursor === undefined || !this.#retained(cursor)) return undefined
    const record = cursor.log.at(cursor.offset)
    this.#advance(cursor, 1)
    return record
  }

  takeBatch(max: number): readonly LogRecord[] {
    const first = this.#heap.top
    if (first === undefined || !this.#retained(first)) return []
    if (this.#heap.size === 1) {
      const { log, offset, stopAt } = first
      const count = Math.min(max, Math.min(log.next, stopAt) - offset)
      const batch = log.slice(offset, count)
      this.#advance(first, count)
      return batch
    }
    return this.#merge(max)
  }

  wait(): Promise<void> {
    const waited = this.#bell.wait()
    if (this.#heap.size > 0 || this.#stopped || this.#closed || this.failure !== undefined)
      this.#bell.ringAll()
    return waited
  }

  wake(): void {
    this.#bell.ringAll()
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#store.unwatch(this)
    for (const cursor of this.#cursors) cursor.stopAt = cursor.log.next
  }

  close(): void {
    this.#closed = true
    this.#letGo()
  }

  /** Something was appended to a topic that it had read to the end. */
  roused(cursor: Cursor): void {
    this.#settle(cursor)
    if (!this.#bell.idle) this.#bell.ringAll()
  }

  /** A topic that matches is published to for the first time: all of it comes after everything there was. */
  appeared(log: TopicLog): void {
    const cursor = new Cursor(log, this, 0)
    this.#cursors.push(cursor)
    log.rest(cursor)
    if (isLiteral(this.pattern)) this.#store.unwatch(this)
  }

  #merge(max: number): readonly LogRecord[] {
    const batch: LogRecord[] = []
    while (batch.length < max) {
      const cursor = this.#heap.top
      if (cursor === undefined || cursor.offset < cursor.log.first) break // what comes before a gap is handed over first
      batch.push(cursor.log.at(cursor.offset))
      this.#advance(cursor, 1)
    }
    return batch
  }

  /** Puts a cursor that is not in the heap where it belongs. */
  #settle(cursor: Cursor): void {
    if (cursor.behind) {
      cursor.seq = cursor.log.at(cursor.offset).seq
      this.#heap.push(cursor)
    } else if (!this.#stopped) {
      cursor.log.rest(cursor)
    }
  }

  /** The top cursor has read so many records. */
  #advance(cursor: Cursor, count: number): void {
    cursor.offset += count
    if (cursor.behind) {
      cursor.seq = cursor.log.at(cursor.offset).seq
      this.#heap.sink()
    } else {
      this.#heap.pop()
      if (!this.#stopped) cursor.log.rest(cursor)
    }
  }

  /** Says whether the next record is still there; if not, that is the end. */
  #retained({ log, offset }: Cursor): boolean {
    const { topic, first, next } = log
    if (offset >= first) return true
    this.failure = new OffsetEvictedError(topic, offset, first, next)
    this.#letGo()
    return false
  }

  #letGo(): void {
    this.#store.unwatch(this)
    for (const cursor of this.#cursors) cursor.log.leave(cursor)
    this.#cursors = []
    this.#heap.clear()
  }
}
