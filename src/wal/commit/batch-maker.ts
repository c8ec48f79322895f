import { LogOverloadedError, RecordTooLargeError } from '../errors.ts'
import { BatchBuilder, bytesForOne, type RecordExtras } from '../format/batch-builder.ts'
import { checkBody } from '../format/batch-header.ts'
import { type Encoding, viewOf } from '../format/layout.ts'
import type { LogState, TopicState } from '../recovery/log-state.ts'
import { Arena } from './arena.ts'
import { Batch, type Waiter } from './batch.ts'

export interface BatchLimits {
  readonly maxRecordBytes: number
  readonly highWaterMark: number
  /** Memory for batches, and for keeping the newest ones readable. */
  readonly arenaBytes: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Builds the batch that is open: its records, who waits for them, and whether it is to be synced. */
export class BatchMaker {
  readonly arena: Arena
  readonly #state: LogState
  readonly #limits: BatchLimits
  /** Bytes of batches that are not written yet. */
  readonly #waitingBytes: () => number
  #open: BatchBuilder | undefined
  #sync = false
  #waiters: Waiter[] = []

  constructor(
    state: LogState,
    limits: BatchLimits,
    allocate: (bytes: number) => Uint8Array,
    waitingBytes: () => number,
  ) {
    this.#state = state
    this.#limits = limits
    this.#waitingBytes = waitingBytes
    this.arena = new Arena(limits.arenaBytes, allocate)
  }

  /** Records in the open batch. */
  get count(): number {
    return this.#open?.count ?? 0
  }

  get bytes(): number {
    return this.#open?.size ?? 0
  }

  /** Adds a record to the open batch, which is opened if none is; false, having changed nothing, when it is full. */
  add(topic: TopicState, encoding: Encoding, value: string | Uint8Array, extras?: RecordExtras): boolean {
    this.#open ??= this.#begin()
    return this.#open.add(topic, encoding, value, extras)
  }

  /** Opens a batch for a record that did not fit into the last one, however large it is, and adds it. */
  addAlone(topic: TopicState, encoding: Encoding, value: string | Uint8Array, extras?: RecordExtras): void {
    if (this.add(topic, encoding, value, extras)) return
    const bytes = typeof value === 'string' ? Buffer.byteLength(value) : value.length
    this.#open = this.#begin(bytesForOne(topic, bytes, extras))
    if (this.#open.add(topic, encoding, value, extras)) return
    this.#open = undefined
    throw new RecordTooLargeError(topic.name, bytes, this.#limits.maxRecordBytes)
  }

  /** Throws `RecordTooLargeError` for a value beyond the limit. */
  check(topic: TopicState, value: string | Uint8Array): void {
    const { maxRecordBytes } = this.#limits
    if (value.length * 3 <= maxRecordBytes) return
    const bytes = typeof value === 'string' ? Buffer.byteLength(value) : value.length
    if (bytes > maxRecordBytes) throw new RecordTooLargeError(topic.name, bytes, maxRecordBytes)
  }

  /** The record added last is to be synced, or somebody waits for it. */
  note(sync: boolean, waiter: Waiter | undefined): void {
    this.#sync ||= sync
    if (waiter !== undefined) this.#waiters.push(waiter)
  }

  /**
   * Ends the open batch, which will stand at this place; undefined when there is nothing in it. With `check` its
   * checksum is made here, so that the writer need not.
   */
  close(place: Pick<Batch, 'segment' | 'position' | 'salt'>, check: boolean): Batch | undefined {
    const open = this.#open
    if (open === undefined || open.count === 0) return undefined
    this.#open = undefined
    const bytes = open.close()
    if (check) checkBody(bytes, viewOf(bytes), place.salt)
    const { baseSeq, count, timeMs } = open
    const batch = new Batch(bytes, { baseSeq, count, timeMs, ...place, sync: this.#sync }, this.#waiters)
    this.#sync = false
    this.#waiters = []
    this.arena.keep(batch)
    return batch
  }

  /** Gives the open batch up; returns who waits for it. */
  abandon(): readonly Waiter[] {
    const waiters = this.#waiters
    this.#open = undefined
    this.#waiters = []
    return waiters
  }

  #begin(bytes?: number): BatchBuilder {
    const waiting = this.#waitingBytes()
    const { highWaterMark, now } = this.#limits
    if (waiting >= highWaterMark) throw new LogOverloadedError(waiting, highWaterMark)
    const timeMs = Math.max(now(), this.#state.lastMs)
    this.#state.lastMs = timeMs
    return new BatchBuilder(this.arena.room(bytes), this.#state.nextSeq, timeMs)
  }
}
