import type { Clock } from '../core/clock.ts'
import type { GroupCounts, GroupSettings } from '../log/group/delivery.ts'
import { GroupState } from '../log/group/group-state.ts'
import type { Wire } from '../remote/wire.ts'
import type { FetchedRecord } from './client.ts'
import type { PartitionOffset, TopicPartition } from './driver.ts'
import { Fetched, type FetchLimits } from './fetched.ts'
import type { KafkaRecord } from './kafka-record.ts'

interface LaneEvents {
  /** There may be work that there was not before. */
  readonly work: () => void
  /** Something was acked: the lane's place may have moved. */
  readonly acked: () => void
}

/**
 * One partition in the hands of this process, from when it is assigned until it is given away:
 *
 *     fetched, not begun      begun: in flight, waiting to be repeated, behind their key, acked out of order
 *     [ 7 8 9 … ]         ←   [ 3 acked · 4 in flight · 5 acked · 6 nak ]   ←  place = 4 is committed: all before is acked
 *
 * What happens to records between the two is `GroupState`, with offsets for its numbers.
 */
export class PartitionLane implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly fetched: Fetched
  readonly state: GroupState<KafkaRecord>
  /** What the server has, as far as the client says; −1 when nothing was ever committed. */
  committed: number
  /** False once the partition was given away: what comes for it afterwards is for somebody else. */
  owned = true

  constructor(
    { offset, partition, topic }: PartitionOffset,
    committed: number,
    { clock, events, limits, settings }: LaneParts,
  ) {
    this.topic = topic
    this.partition = partition
    this.committed = committed
    this.fetched = new Fetched(offset, limits)
    this.state = new GroupState(clock, settings, this.fetched, [], {
      work: events.work,
      changed: events.acked,
    })
  }

  /** Everything before it is acked: what is to be committed. */
  get place(): number {
    return this.state.cursor
  }

  /** There is something to commit. */
  get moved(): boolean {
    return this.owned && this.place > this.committed
  }

  push(records: readonly FetchedRecord[], wire: Wire): void {
    this.fetched.push(this, records, wire)
  }

  /** Nothing new is handed out; what is in flight may still be settled. */
  stopIntake(): void {
    this.state.paused = true
  }

  /** Goes on elsewhere: what is in flight can be settled no more, what was fetched is forgotten. */
  moveTo(offset: number): void {
    this.fetched.clear()
    this.fetched.next = offset
    this.state.seek(this.fetched)
  }

  /** Lets go of everything and returns its final counts: what is in flight is `returned`. */
  giveUp(): GroupCounts {
    this.owned = false
    this.stopIntake()
    this.fetched.clear()
    this.state.seek(this.fetched)
    this.state.close()
    return this.state.counts
  }
}

export interface LaneParts {
  readonly clock: Clock
  readonly events: LaneEvents
  readonly limits: FetchLimits
  readonly settings: GroupSettings<KafkaRecord>
}
