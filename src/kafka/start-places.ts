import { OffsetEvictedError, OffsetOutOfRangeError } from '../core/offset-errors.ts'
import type { Position } from '../core/position.ts'
import { type AdminDriver, type Bounds, partitionKey, type TopicPartition } from './driver.ts'
import { PartitionedTopicError } from './errors.ts'

/**
 * Where a subscription begins in the partitions there were when it was made. Partitions and topics that come later begin
 * at their start: all that is in them came after the subscription, unless it asked for an offset or a time.
 */
export class StartPlaces {
  readonly #places = new Map<string, number>()
  readonly #from: Position

  constructor(from: Position) {
    this.#from = from
  }

  /**
   * Finds the places in these topics.
   *
   * @throws PartitionedTopicError, OffsetEvictedError, OffsetOutOfRangeError for an offset that is none
   */
  async find(admin: AdminDriver, topics: readonly string[]): Promise<void> {
    await Promise.all(topics.map((topic) => this.#findIn(admin, topic)))
  }

  /** The place in a partition whose bounds are known. */
  of(part: TopicPartition, { low }: Bounds): number {
    return Math.max(low, this.#places.get(partitionKey(part)) ?? low)
  }

  async #findIn(admin: AdminDriver, topic: string): Promise<void> {
    const from = this.#from
    if (from === 'start') return // as good as the default, and retention may move it meanwhile
    if (from instanceof Date) {
      for (const { offset, partition } of await admin.offsetsAt(topic, from.getTime()))
        this.#places.set(partitionKey({ topic, partition }), offset)
      return
    }
    const bounds = await admin.bounds(topic)
    if (typeof from === 'number' && from >= 0 && !Object.is(from, -0)) checkOffset(topic, from, bounds)
    for (const { high, low, partition } of bounds)
      this.#places.set(partitionKey({ topic, partition }), startIn(from, low, high))
  }
}

function startIn(from: 'end' | number, low: number, high: number): number {
  if (from === 'end') return high
  return from < 0 || Object.is(from, -0) ? Math.max(low, high + from) : from
}

function checkOffset(topic: string, offset: number, bounds: readonly Bounds[]): void {
  const [only] = bounds
  if (bounds.length !== 1 || only === undefined) throw new PartitionedTopicError(topic, bounds.length)
  if (offset < only.low) throw new OffsetEvictedError(topic, offset, only.low, only.high)
  if (offset > only.high) throw new OffsetOutOfRangeError(topic, offset, only.low, only.high)
}
