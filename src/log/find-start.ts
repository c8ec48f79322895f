import { OffsetEvictedError, OffsetOutOfRangeError } from '../core/offset-errors.ts'
import type { Position } from '../core/position.ts'
import type { LogRecord } from './log-record.ts'
import type { TopicLog } from './topic-log.ts'

/** Says at which offset to begin in each topic that matched. */
export type Start = (log: TopicLog) => number

const atStart: Start = (log) => log.first
const atEnd: Start = (log) => log.next

/**
 * Finds where a position lies in the topics that a pattern matches. Throws `OffsetEvictedError` and
 * `OffsetOutOfRangeError` for an offset; every other position is somewhere.
 */
export function findStart(topics: readonly TopicLog[], pattern: string, position: Position): Start {
  if (position === 'start') return atStart
  if (position === 'end') return atEnd
  if (position instanceof Date) {
    const since = position.getTime()
    return fromSeq(firstSeq(topics, ({ time }) => time >= since))
  }
  if (position < 0) return fromSeq(seqOfLast(topics, -position))
  return Object.is(position, -0) ? atEnd : fromOffset(topics[0], pattern, position)
}

function fromOffset(log: TopicLog | undefined, topic: string, offset: number): Start {
  const { first, next } = log ?? { first: 0, next: 0 }
  if (offset < first) throw new OffsetEvictedError(topic, offset, first, next)
  if (offset > next) throw new OffsetOutOfRangeError(topic, offset, first, next)
  return () => offset
}

/** At the record with this place in the log, and in the other topics at what follows it. */
function fromSeq(seq: number): Start {
  return (log) => log.search((record) => record.seq >= seq)
}

/** The place of the first record that is wanted; `Infinity` if none is. Clocks may be set back, so it looks at each. */
function firstSeq(topics: readonly TopicLog[], wanted: (record: LogRecord) => boolean): number {
  let lowest = Number.POSITIVE_INFINITY
  for (const log of topics) {
    for (let offset = log.first; offset < log.next; offset++) {
      const record = log.at(offset)
      if (record.seq >= lowest) break
      if (wanted(record)) lowest = record.seq
    }
  }
  return lowest
}

/** The place of the last record but `count` − 1. */
function seqOfLast(topics: readonly TopicLog[], count: number): number {
  const seqs: number[] = []
  for (const log of topics)
    for (let offset = Math.max(log.first, log.next - count); offset < log.next; offset++)
      seqs.push(log.at(offset).seq)
  seqs.sort((a, b) => b - a)
  return seqs[Math.min(count, seqs.length) - 1] ?? Number.POSITIVE_INFINITY
}
