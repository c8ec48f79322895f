import { OffsetEvictedError, type Position } from '../../src/index.ts'
import { matches } from '../../src/core/topic.ts'

/** A record as the reference remembers it: never forgotten, only marked. */
export interface Remembered {
  readonly topic: string
  readonly offset: number
  readonly seq: number
  readonly time: number
}

/** What a log is, written down as slowly as can be: a list of everything, and a number of records to keep. */
export class ReferenceLog {
  readonly all: Remembered[] = []
  readonly #keep: number

  constructor(keep: number) {
    this.#keep = keep
  }

  append(topic: string, time: number): Remembered {
    const record = { topic, offset: this.of(topic).length, seq: this.all.length, time }
    this.all.push(record)
    return record
  }

  of(pattern: string): readonly Remembered[] {
    return this.all.filter(({ topic }) => matches(pattern, topic))
  }

  retains({ topic, offset }: Remembered): boolean {
    return offset >= this.of(topic).length - this.#keep
  }

  retained(pattern: string): readonly Remembered[] {
    return this.of(pattern).filter((record) => this.retains(record))
  }

  /** The place in the log where a reader begins, or the error that it gets. */
  start(pattern: string, from: Position): number | 'evicted' | 'future' {
    const retained = this.retained(pattern)
    const end = this.all.length
    if (from === 'start') return retained[0]?.seq ?? end
    if (from === 'end') return end
    if (from instanceof Date) return retained.find(({ time }) => time >= from.getTime())?.seq ?? end
    if (Object.is(from, -0)) return end
    if (from < 0) return retained.slice(from)[0]?.seq ?? end
    const known = this.of(pattern)
    if (from > known.length) return 'future'
    const record = known[from]
    if (record === undefined) return end
    return this.retains(record) ? record.seq : 'evicted'
  }
}

/** What a reader of the reference must get. */
export class ReferenceReader {
  readonly #log: ReferenceLog
  readonly #pattern: string
  #seq: number
  /** What it had not read when retention removed it. */
  error: { readonly topic: string; readonly requested: number } | undefined

  constructor(log: ReferenceLog, pattern: string, seq: number) {
    this.#log = log
    this.#pattern = pattern
    // What was gone when it began is none of its business, whatever place it has in the log.
    const gone = new Set(log.of(pattern).filter((record) => !log.retains(record)))
    this.#ignored = gone
    this.#seq = seq
  }

  readonly #ignored: ReadonlySet<Remembered>

  get pending(): number {
    return this.error === undefined ? this.#ahead.filter((record) => this.#log.retains(record)).length : 0
  }

  /** False when a reader has to wait. */
  get ready(): boolean {
    return this.#ahead.length > 0 && this.error === undefined
  }

  /** The next record; undefined when there is none, or when it has been evicted: then `error` says which. */
  take(): Remembered | undefined {
    const next = this.#ahead[0]
    if (next === undefined || this.error !== undefined) return undefined
    if (!this.#log.retains(next)) {
      this.error = { topic: next.topic, requested: next.offset }
      return undefined
    }
    this.#seq = next.seq + 1
    return next
  }

  takeAll(max: number = Number.POSITIVE_INFINITY): Remembered[] {
    const taken: Remembered[] = []
    while (taken.length < max) {
      const next = this.take()
      if (next === undefined) break
      taken.push(next)
    }
    return taken
  }

  get #ahead(): readonly Remembered[] {
    return this.#log
      .of(this.#pattern)
      .filter((record) => record.seq >= this.#seq && !this.#ignored.has(record))
  }
}

/** What of an error the reference knows. */
export function evictionOf(error: unknown): object {
  if (!(error instanceof OffsetEvictedError)) throw error
  return { topic: error.topic, requested: error.requested }
}
