import { OffsetEvictedError, OffsetOutOfRangeError } from '../../core/offset-errors.ts'
import type { Position } from '../../core/position.ts'
import { isLiteral, matches } from '../../core/topic.ts'
import type { TopicState } from '../recovery/log-state.ts'
import type { SourceLog } from '../store/source-log.ts'

/** Where a reader begins: at the record `seq`, passing over those that the other fields exclude. */
export interface Start {
  readonly seq: number
  /** Records with a lower offset are passed over; for one topic only. */
  readonly minOffset: number
  /** So many matching records are passed over. */
  readonly skip: number
  /** Batches stamped earlier are passed over. */
  readonly fromMs: number
  /** How many records the reader has before it. */
  readonly before: number
}

/** Nothing is passed over. */
export const anywhere = { minOffset: 0, skip: 0, fromMs: 0 } as const

/** The topics of a log that a pattern selects; the log's own topics belong to no pattern. */
export function topicsOf(log: SourceLog, pattern: string): readonly TopicState[] {
  if (isLiteral(pattern)) {
    const topic = log.state.topics.get(pattern)
    return topic === undefined ? [] : [topic]
  }
  return [...log.state.topics.values()].filter(({ name }) => selects(pattern, name))
}

export function selects(pattern: string, topic: string): boolean {
  return !topic.startsWith('$') && matches(pattern, topic)
}

/** Finds where to begin without reading records. Throws `OffsetEvictedError` and `OffsetOutOfRangeError`. */
export function findStart(log: SourceLog, pattern: string, position: Position): Start {
  const topics = topicsOf(log, pattern)
  const total = topics.reduce((sum, { first, next }) => sum + next - first, 0)
  if (position === 'end') return { ...anywhere, seq: log.state.nextSeq, before: 0 }
  if (position === 'start') return { ...anywhere, seq: log.startSeq, before: total }
  if (position instanceof Date) {
    const fromMs = position.getTime()
    const { seq } = log.files.locateTime(fromMs)
    return {
      ...anywhere,
      seq: Math.max(seq, log.startSeq),
      fromMs,
      before: Math.min(total, log.state.nextSeq - seq),
    }
  }
  if (position >= 0 && !Object.is(position, -0)) return fromOffset(log, pattern, topics[0], position)
  const count = Math.min(total, -position)
  if (isLiteral(pattern)) {
    const topic = topics[0]
    return topic === undefined
      ? { ...anywhere, seq: log.state.nextSeq, before: 0 }
      : fromOffset(log, pattern, topic, topic.next - count)
  }
  return lastOf(log, pattern, count)
}

function fromOffset(log: SourceLog, name: string, topic: TopicState | undefined, offset: number): Start {
  const { first, next } = topic ?? { first: 0, next: 0 }
  if (offset < first) throw new OffsetEvictedError(name, offset, first, next)
  if (offset > next) throw new OffsetOutOfRangeError(name, offset, first, next)
  if (offset === next) return { ...anywhere, seq: log.state.nextSeq, before: 0 }
  const { segments } = log
  let low = log.startSeq
  for (const { baseSeq, endSeq } of segments) {
    const end = log.files.seal(baseSeq).topics.find((candidate) => candidate.name === name)?.next ?? 0
    if (end > offset) break
    low = endSeq
  }
  // A topic's records are not denser than the log's, so the record cannot stand before its own offset.
  return { ...anywhere, seq: Math.max(low, offset), minOffset: offset, before: next - offset }
}

/** The last `count` records that match, found by the totals that each seal holds. */
function lastOf(log: SourceLog, pattern: string, count: number): Start {
  const { segments } = log
  let after = matching(log, pattern, undefined)
  let begin = segments.at(-1)?.endSeq ?? log.startSeq
  const end = after
  for (const { baseSeq } of segments.toReversed()) {
    const before = matching(log, pattern, baseSeq)
    after = before
    if (end - before >= count) break
    begin = baseSeq
  }
  const from = begin <= log.startSeq ? firstOffsets(log, pattern) : after
  return { ...anywhere, seq: begin, skip: Math.max(0, end - from - count), before: count }
}

/** How many matching records had been appended when `segment` was sealed, or until now. */
function matching(log: SourceLog, pattern: string, segment: number | undefined): number {
  const topics = segment === undefined ? [...log.state.topics.values()] : log.files.seal(segment).topics
  return topics.reduce((sum, { name, next }) => (selects(pattern, name) ? sum + next : sum), 0)
}

function firstOffsets(log: SourceLog, pattern: string): number {
  return topicsOf(log, pattern).reduce((sum, { first }) => sum + first, 0)
}
