import type { Position } from '../../core/position.ts'
import { matches } from '../../core/topic.ts'
import type { TopicStatus } from '../../wal/index.ts'
import type { GapLine } from './record-line.ts'

/** Follows the offsets of each topic, and tells which of them retention took before they were read. */
export class Gaps {
  readonly #pattern: string
  readonly #next = new Map<string, number>()
  /** Messages that were missing, of all gaps. */
  lost = 0

  /**
   * `from` is where reading begins. For a time or the last n that is not known by offset, so a gap before the first
   * message read is told as large as it can be.
   */
  constructor(pattern: string, topics: readonly TopicStatus[], from: Position) {
    this.#pattern = pattern
    for (const { first, next, topic } of topics) this.#next.set(topic, from === 'end' ? next : first)
    if (typeof from === 'number' && from >= 0) this.#next.set(pattern, from)
  }

  read(topic: string, offset: number): void {
    this.#next.set(topic, offset + 1)
  }

  /** The gaps that there are now, of the topics that were being read. */
  take(topics: readonly TopicStatus[]): readonly GapLine[] {
    const gaps: GapLine[] = []
    for (const { first, topic } of topics) {
      const next = this.#next.get(topic) ?? 0
      if (!matches(this.#pattern, topic) || first <= next) continue
      const count = first - next
      gaps.push({ _: 'gap', topic, from: next, to: first - 1, count, reason: 'evicted' })
      this.lost += count
      this.#next.set(topic, first)
    }
    return gaps
  }
}
