import { Bell } from '../../core/bell.ts'
import { SpillwayError } from '../../core/errors.ts'
import { OffsetEvictedError } from '../../core/offset-errors.ts'
import { isLiteral } from '../../core/topic.ts'
import type { RecordSource } from '../../log/record-source.ts'
import { LogReadError } from '../errors.ts'
import type { BatchHeader } from '../format/batch-header.ts'
import type { SourceLog } from '../store/source-log.ts'
import type { LogReader } from '../store/log-reader.ts'
import { StoredRecord } from '../store/stored-record.ts'
import { selects, type Start, topicsOf } from './start.ts'

/** A reader that stops early has not paid for the rest of a batch; one that reads on is soon given more at a time. */
const decodedAtFirst = 8
const decodedAtOnce = 256

/** The records of a log that a pattern selects, from a place on, decoded a batch at a time. */
export class WalSource implements RecordSource {
  failure: SpillwayError | undefined
  readonly #pattern: string
  readonly #literal: boolean
  readonly #bell = new Bell()
  #reader: LogReader
  #log: SourceLog
  #ready: StoredRecord[] = []
  #next = 0
  /** The batch it begins in may hold records from before. */
  #minSeq: number
  #minOffset: number
  #skip: number
  #fromMs: number
  /** Sum of the topics' next offsets when it began, and how many records it had before it then. */
  readonly #sumAtStart: number
  readonly #before: number
  /** What the limits of topics had taken when it began. */
  readonly #goneBefore: ReadonlyMap<string, number>
  #taken = 0
  #stopAt = Number.POSITIVE_INFINITY
  #stopSum: number | undefined
  #fetching = false
  #closed = false
  /** The reader's batch has records that are not decoded yet; which of its topics are wanted. */
  #midway = false
  #decodes = decodedAtFirst
  #wanted: readonly boolean[] = []

  /** Hears that retention has removed records before they were read; without it the source fails then. */
  readonly #skipped: ((records: number) => void) | undefined

  constructor(log: SourceLog, pattern: string, start: Start, skipped?: (records: number) => void) {
    this.#skipped = skipped
    this.#log = log
    this.#pattern = pattern
    this.#literal = isLiteral(pattern)
    this.#reader = log.reader(start.seq)
    this.#minSeq = start.seq
    this.#minOffset = start.minOffset
    this.#skip = start.skip
    this.#fromMs = start.fromMs
    this.#before = start.before
    this.#goneBefore = new Map(log.state.removed)
    this.#sumAtStart = this.#sum()
  }

  get pending(): number {
    return Math.max(0, this.#before + (this.#stopSum ?? this.#sum()) - this.#sumAtStart - this.#taken)
  }

  /** The sequence number it has come to. */
  get seq(): number {
    return this.#ready[this.#next]?.seq ?? (this.#midway ? this.#reader.cursor.seq + 1 : this.#reader.seq)
  }

  get exhausted(): boolean {
    return this.#next === this.#ready.length && !this.#midway && this.#reader.seq >= this.#stopAt
  }

  take(): StoredRecord | undefined {
    if (this.#next === this.#ready.length && !this.#fill()) return undefined
    this.#taken++
    return this.#ready[this.#next++]
  }

  takeBatch(max: number): readonly StoredRecord[] {
    if (this.#next === this.#ready.length && !this.#fill()) return []
    const batch = this.#ready.slice(this.#next, this.#next + max)
    this.#next += batch.length
    this.#taken += batch.length
    return batch
  }

  wait(): Promise<void> {
    const atHand =
      this.#next < this.#ready.length || this.failure !== undefined || this.#closed || this.exhausted
    const waited = this.#bell.wait()
    if (atHand) this.#bell.ringAll()
    return waited
  }

  wake(): void {
    this.#bell.ringAll()
  }

  /** Goes on with a log that was opened anew. */
  renew(log: SourceLog): void {
    this.#log = log
    this.#minSeq = this.seq
    this.#midway = false
    this.#reader = log.reader(this.#minSeq)
    this.notify()
  }

  /** Records are being read from files. */
  get fetching(): boolean {
    return this.#fetching
  }

  /** The number of the first record it has, or undefined when there is none yet. */
  async firstSeq(): Promise<number | undefined> {
    await this.#load()
    return this.#ready[this.#next]?.seq
  }

  /**
   * Reads everything up to the present end: how many records there are outside of the ranges `except`, which rise, and
   * when the first of them was published.
   */
  async survey(
    except: readonly number[] = [],
  ): Promise<{ readonly count: number; readonly oldestMs: number | undefined }> {
    let [count, oldestMs, range] = [0, undefined as number | undefined, 0]
    for (await this.#load(); this.#next < this.#ready.length; await this.#load()) {
      for (const { seq, time } of this.#ready.slice(this.#next)) {
        while (seq >= (except[range + 1] ?? Number.POSITIVE_INFINITY)) range += 2
        if (seq >= (except[range] ?? Number.POSITIVE_INFINITY)) continue
        oldestMs ??= time
        count++
      }
      this.#next = this.#ready.length
    }
    if (this.failure !== undefined) throw this.failure
    return { count, oldestMs }
  }

  async #load(): Promise<void> {
    while (this.#next === this.#ready.length && !this.#fill() && this.#fetching) await this.#bell.wait()
  }

  /** Records have become visible. */
  notify(): void {
    if (!this.#bell.idle && !this.#fetching) this.#bell.ringAll()
  }

  stop(): void {
    if (this.#stopSum !== undefined) return
    this.#stopAt = this.#log.state.nextSeq
    this.#stopSum = this.#sum()
  }

  close(): void {
    this.#closed = true
    this.#ready = []
    this.#next = 0
  }

  /** Decodes the next batch that holds anything; false when there is none at hand. */
  #fill(): boolean {
    this.#ready = []
    this.#next = 0
    if (this.#fetching || this.#closed || this.failure !== undefined) return false
    try {
      if (this.#midway && this.#decodeSome()) return true
      for (;;) {
        if (this.#overtaken()) return false
        const header = this.#reader.next()
        if (header === undefined) {
          this.#atEnd()
          return false
        }
        if (header instanceof Promise) {
          this.#fetch(header)
          return false
        }
        this.#decode(header)
        if (this.#ready.length > 0) return true
      }
    } catch (error) {
      this.#fail(error)
      return false
    }
  }

  /** Everything there is has been taken. Compaction may have left less than the offsets promised. */
  #atEnd(): void {
    if (this.#reader.seq < this.#log.state.nextSeq) return
    this.#taken = this.#before + (this.#stopSum ?? this.#sum()) - this.#sumAtStart
  }

  #fetch(first: Promise<BatchHeader | undefined>): void {
    this.#fetching = true
    const over = (): void => {
      this.#fetching = false
      this.#bell.ringAll()
    }
    const decode = async (): Promise<void> => {
      for (
        let header = await first;
        header !== undefined && !this.#closed;
        header = await this.#reader.next()
      ) {
        this.#decode(header)
        if (this.#ready.length > 0 || this.#overtaken()) return
      }
    }
    decode().then(over, (error: unknown) => {
      this.#fail(error)
      over()
    })
  }

  #decode(header: BatchHeader): void {
    const { cursor } = this.#reader
    if (header.timeMs < this.#fromMs || header.baseSeq >= this.#stopAt) return
    const wanted = cursor.entries.map((entry) => selects(this.#pattern, entry.name))
    if (!wanted.includes(true)) return
    this.#wanted = wanted
    this.#decodeSome()
  }

  /** Decodes on in the batch the reader has come to: all of it if it may be overwritten, else a part. */
  #decodeSome(): boolean {
    const { cursor, stable } = this.#reader
    const { logId, payloads } = this.#log
    const most = stable ? this.#decodes : Number.POSITIVE_INFINITY
    this.#decodes = Math.min(decodedAtOnce, this.#decodes * 2)
    this.#midway = false
    payloads.begin(cursor.buffer, cursor.end)
    while (cursor.advance()) {
      const { offset, seq, topicIndex } = cursor
      if (this.#wanted[topicIndex] !== true || seq < this.#minSeq || seq >= this.#stopAt) continue
      if (offset < this.#minOffset) continue
      if (this.#skip > 0) this.#skip--
      else if (this.#ready.push(new StoredRecord(cursor, payloads, logId)) >= most) {
        this.#midway = true
        break
      }
    }
    if (cursor.damage !== undefined) throw this.#reader.damage(cursor.damage)
    if (this.#literal) this.#minOffset = Math.max(this.#minOffset, (this.#ready.at(-1)?.offset ?? -1) + 1)
    return this.#ready.length > 0
  }

  /** Retention has removed what it would read next: its end if any of that was for it. */
  #overtaken(): boolean {
    const { startSeq } = this.#log
    if (this.#reader.seq >= startSeq) return this.#missedSome()
    const requested = this.#reader.seq
    const lost = topicsOf(this.#log, this.#pattern).find(({ first }) =>
      this.#literal ? first > this.#minOffset : first > 0,
    )
    this.#reader.seek(startSeq)
    if (lost === undefined) return false
    if (this.#skipped !== undefined) {
      this.#skipped(this.#literal ? lost.first - this.#minOffset : startSeq - requested)
      return false
    }
    const at = this.#literal ? this.#minOffset : requested
    this.failure = new OffsetEvictedError(lost.name, at, lost.first, lost.next)
    return true
  }

  /** The limits of a topic took records that it had not come to. */
  #missedSome(): boolean {
    if (this.#log.state.removed.size === 0) return false
    const at = Math.max(this.#reader.seq, this.#minSeq)
    for (const [name, seq] of this.#log.state.removed) {
      if (seq < at || this.#goneBefore.get(name) === seq || !selects(this.#pattern, name)) continue
      const { first, next } = this.#log.state.topic(name)
      if (this.#literal && first <= this.#minOffset) continue
      // Groups have read what goes: for them there is nothing to miss.
      if (this.#skipped !== undefined) continue
      this.failure = new OffsetEvictedError(name, this.#literal ? this.#minOffset : at, first, next)
      return true
    }
    return false
  }

  #fail(error: unknown): void {
    this.failure = error instanceof SpillwayError ? error : new LogReadError(error)
  }

  #sum(): number {
    let sum = 0
    for (const topic of topicsOf(this.#log, this.#pattern)) sum += topic.next
    return sum
  }
}
