import type { GroupCounts } from '../log/group/delivery.ts'
import { partitionKey, type TopicPartition } from './driver.ts'
import type { KafkaGroupMessage } from './group-message.ts'
import type { PartitionLane } from './partition-lane.ts'

export const noCounts: GroupCounts = {
  delivered: 0,
  acked: 0,
  nacked: 0,
  expired: 0,
  returned: 0,
  inFlight: 0,
}

/** The partitions a group has in this process, and the books of those it had. */
export class Lanes {
  readonly #byKey = new Map<string, PartitionLane>()
  /** The same in a row, to take from in turn. */
  #row: readonly PartitionLane[] = []
  #turn = 0
  #ended: GroupCounts = noCounts
  /** Assigned, and not yet here: by the assignment that is to bring them. */
  readonly #coming = new Map<string, object>()

  get all(): readonly PartitionLane[] {
    return this.#row
  }

  get inFlight(): number {
    let sum = 0
    for (const { state } of this.#row) sum += state.inFlight
    return sum
  }

  /** What has become of all deliveries, also of those in partitions that were given away. */
  get counts(): GroupCounts {
    return this.#row.reduce((sum, { state }) => addCounts(sum, state.counts), this.#ended)
  }

  find(part: TopicPartition): PartitionLane | undefined {
    return this.#byKey.get(partitionKey(part))
  }

  /**
   * Partitions that were assigned and whose place is being looked up. What this returns tells whether one of them still is
   * to come: not when it was taken away in the meantime, even if it was assigned again, for then its place may be another.
   */
  expect(parts: readonly TopicPartition[]): (part: TopicPartition) => boolean {
    const assignment = {}
    for (const part of parts) this.#coming.set(partitionKey(part), assignment)
    return (part) => this.#coming.get(partitionKey(part)) === assignment
  }

  /** These come no more; none does when they are left out. */
  forget(parts?: readonly TopicPartition[]): void {
    if (parts === undefined) this.#coming.clear()
    else for (const part of parts) this.#coming.delete(partitionKey(part))
  }

  add(lane: PartitionLane): void {
    this.#coming.delete(partitionKey(lane))
    this.#byKey.set(partitionKey(lane), lane)
    this.#row = [...this.#byKey.values()]
  }

  /** Gives these up; what is in flight in them is returned. */
  drop(lanes: readonly PartitionLane[]): void {
    for (const lane of lanes) {
      const key = partitionKey(lane)
      if (this.#byKey.get(key) !== lane) continue
      this.#byKey.delete(key)
      this.#row = [...this.#byKey.values()]
      this.#ended = addCounts(this.#ended, lane.giveUp())
    }
  }

  /** Takes from each in turn, so that a long one does not hold up the others. */
  takeInTurn(take: (lane: PartitionLane) => KafkaGroupMessage | undefined): KafkaGroupMessage | undefined {
    const row = this.#row
    for (let step = 0; step < row.length; step++) {
      const at = (this.#turn + step) % row.length
      const lane = row[at]
      const message = lane === undefined ? undefined : take(lane)
      if (message === undefined) continue
      this.#turn = at + 1
      return message
    }
    return undefined
  }
}

export function addCounts(one: GroupCounts, other: GroupCounts): GroupCounts {
  return {
    delivered: one.delivered + other.delivered,
    acked: one.acked + other.acked,
    nacked: one.nacked + other.nacked,
    expired: one.expired + other.expired,
    returned: one.returned + other.returned,
    inFlight: one.inFlight + other.inFlight,
  }
}
