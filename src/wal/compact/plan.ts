import { isLiteral, matches } from '../../core/topic.ts'
import type { CompactionOptions, TopicLimits } from '../contract.ts'
import { type RecordCursor, readParts } from '../format/batch-reader.ts'
import { RecordAttribute } from '../format/layout.ts'

const defaultTombstoneMs = 24 * 3_600_000

/** Why a record goes. */
export type Removal = 'retention' | 'compaction' | 'own'

interface TopicPlan {
  readonly limits: TopicLimits | undefined
  readonly compacts: boolean
  /** Of all its records: how many bytes, and the next offset. */
  bytes: number
  next: number
  /** Bytes of the records decided about so far: what is left of `bytes` counts against the limit. */
  passed: number
}

/**
 * Decides which records a rewritten segment keeps. It first sees every record of the log once, in order (`see`), then
 * decides about those of the segments that may be rewritten, in order too (`reason`). Memory is in proportion to the
 * number of distinct keys of compacted topics.
 */
export class Plan {
  readonly #topics = new Map<string, TopicPlan>()
  /** The newest record of each key. */
  readonly #newest = new Map<string, number>()
  readonly #limits: Readonly<Record<string, TopicLimits>>
  readonly #compaction: CompactionOptions | undefined
  readonly #nowMs: number

  constructor(
    limits: Readonly<Record<string, TopicLimits>>,
    compaction: CompactionOptions | undefined,
    nowMs: number,
  ) {
    this.#limits = limits
    this.#compaction = compaction
    this.#nowMs = nowMs
  }

  see(cursor: RecordCursor): void {
    const { offset, topic: name } = cursor
    const topic = this.#topic(name)
    topic.bytes += bytesOf(cursor)
    topic.next = offset + 1
    if (!topic.compacts || (cursor.attributes & RecordAttribute.key) === 0) return
    this.#newest.set(`${name}\0${readParts(cursor).key}`, cursor.seq)
  }

  /** Why the record at `cursor` goes; undefined when it stays. */
  reason(cursor: RecordCursor): Removal | undefined {
    const { topic: name } = cursor
    // What the log remembers itself stands in every seal.
    if (name.startsWith('$')) return 'own'
    const topic = this.#topic(name)
    const before = topic.passed
    topic.passed += bytesOf(cursor)
    if (topic.limits !== undefined && this.#outlives(topic, topic.limits, cursor, before)) return 'retention'
    return topic.compacts && this.#isSuperseded(cursor) ? 'compaction' : undefined
  }

  #outlives(topic: TopicPlan, limits: TopicLimits, cursor: RecordCursor, before: number): boolean {
    const { ageMs, bytes, count } = limits
    return (
      (ageMs !== undefined && this.#nowMs - cursor.timeMs > ageMs) ||
      (count !== undefined && cursor.offset < topic.next - count) ||
      (bytes !== undefined && topic.bytes - before > bytes)
    )
  }

  #isSuperseded(cursor: RecordCursor): boolean {
    if ((cursor.attributes & RecordAttribute.key) === 0) return false
    const newest = this.#newest.get(`${cursor.topic}\0${readParts(cursor).key}`)
    if (newest !== undefined && newest > cursor.seq) return true
    const tombstoneMs = this.#compaction?.tombstoneMs ?? defaultTombstoneMs
    const isTombstone = (cursor.attributes & RecordAttribute.tombstone) !== 0
    return isTombstone && this.#nowMs - cursor.timeMs > tombstoneMs
  }

  #topic(name: string): TopicPlan {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      const patterns = Object.keys(this.#limits)
      const pattern = patterns.find((candidate) => selects(candidate, name))
      const compacts = this.#compaction?.topics.some((candidate) => selects(candidate, name)) ?? false
      const limits = pattern === undefined ? undefined : this.#limits[pattern]
      topic = { limits, compacts, bytes: 0, next: 0, passed: 0 }
      this.#topics.set(name, topic)
    }
    return topic
  }
}

function selects(pattern: string, name: string): boolean {
  return isLiteral(pattern) ? pattern === name : matches(pattern, name)
}

function bytesOf(cursor: RecordCursor): number {
  return cursor.valueEnd - cursor.partsAt
}
