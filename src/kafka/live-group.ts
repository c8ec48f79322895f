import { SpillwayError } from '../core/errors.ts'
import type { Position } from '../core/position.ts'
import type { GroupSettings } from '../log/group/delivery.ts'
import type { FetchedRecord } from './client.ts'
import { Commits } from './commits.ts'
import type { CommitCounts } from './contract.ts'
import type { Deps } from './deps.ts'
import type { ConsumerEvents, PartitionOffset, TopicPartition } from './driver.ts'
import { KafkaRequestError } from './errors.ts'
import { findPlaces } from './find-places.ts'
import type { GroupMember } from './group-member.ts'
import { KafkaGroupMessage } from './group-message.ts'
import { Intake } from './intake.ts'
import type { KafkaRecord } from './kafka-record.ts'
import { Lanes } from './lanes.ts'
import { PartitionLane } from './partition-lane.ts'
import { StartPlaces } from './start-places.ts'
import { throttle } from './throttle.ts'
import { endMs, within } from './within.ts'

/** How many deliveries a member may be ahead of one that waits. */
const fairLead = 8

interface Identity {
  readonly name: string
  readonly pattern: string
  readonly settings: GroupSettings<KafkaRecord>
  readonly from: Position
}

/**
 * A group with members in this process: one consumer of Kafka, the partitions it is assigned, and the members that share
 * them. When partitions are to be given away it hands out nothing more from them, waits until what is in flight is
 * settled, commits, and only then lets go.
 */
export class LiveGroup implements ConsumerEvents {
  readonly name: string
  readonly pattern: string
  readonly settings: GroupSettings<KafkaRecord>
  readonly members: Set<GroupMember> = new Set()
  readonly lanes: Lanes = new Lanes()
  readonly #deps: Deps
  readonly #commits: Commits
  readonly #intake: Intake
  readonly #starts: StartPlaces
  /** Who waits until what is in flight is settled; asked after each settlement. */
  readonly #waiters = new Set<() => void>()
  #failure: SpillwayError | undefined
  #lost = 0
  #ending: Promise<void> | undefined

  constructor(deps: Deps, { from, name, pattern, settings }: Identity) {
    this.name = name
    this.pattern = pattern
    this.settings = settings
    this.#deps = deps
    this.#starts = new StartPlaces(from)
    const { admin, clock, driver, settings: all, topics, trouble } = deps
    this.#commits = new Commits({
      clock,
      settings: all.commits,
      lanes: () => this.lanes.all,
      driver: () => this.#intake.driver,
      refused: (place, has) => this.#refused(place, has),
    })
    this.#intake = new Intake({
      pattern,
      topics,
      clock,
      consumer: () => driver.consumer({ ...all.consumer, groupId: name }, this),
      prepare: (found) => this.#starts.find(admin, found),
      failed: (error) => this.#fail(error),
      isFinal: (error) => error instanceof SpillwayError,
      trouble,
    })
  }

  /** Settles when it is known where the group begins. */
  get prepared(): Promise<void> {
    return this.#intake.prepared
  }

  get failure(): SpillwayError | undefined {
    return this.#failure
  }

  get commits(): CommitCounts {
    return this.#commits.counts
  }

  /** Records that retention removed before the group had read them. */
  get lostRecords(): number {
    return this.#lost
  }

  take(member: GroupMember): KafkaGroupMessage | undefined {
    if (this.lanes.inFlight >= this.settings.maxInFlight || this.#yields(member)) return undefined
    const { ackDeadlineMs } = this.settings
    return this.lanes.takeInTurn(({ state }) => {
      const delivery = state.take(member)
      return delivery === undefined ? undefined : new KafkaGroupMessage(delivery, state, ackDeadlineMs)
    })
  }

  leave(member: GroupMember): void {
    this.members.delete(member)
    for (const { state } of this.lanes.all) state.leave(member)
  }

  /** Commits what is acked and leaves. What is in flight is returned. Idempotent. */
  end(): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  /** Goes on elsewhere in these partitions, and writes it down. */
  async moveTo(places: readonly PartitionOffset[]): Promise<void> {
    for (const place of places) {
      const lane = this.lanes.find(place)
      if (lane === undefined) continue
      lane.moveTo(place.offset)
      lane.committed = -1
      this.#intake.driver?.seek(place)
    }
    await this.#commits.settle(this.lanes.all)
  }

  async assigned(parts: readonly TopicPartition[]): Promise<readonly PartitionOffset[]> {
    const fresh = parts.filter((part) => this.lanes.find(part) === undefined)
    const isComing = this.lanes.expect(fresh)
    const found = await findPlaces(this.#deps, fresh, {
      group: this.name,
      starts: this.#starts,
      isOver: () => this.#ending !== undefined || !fresh.some(isComing),
      overtaken: (topic, records) => fresh.some(isComing) && this.#overtaken(topic, records),
    })
    if (this.#ending !== undefined) return []
    const places = found.filter(isComing)
    for (const { committed, ...place } of places) {
      const lane = new PartitionLane(place, committed, {
        clock: this.#deps.clock,
        events: { work: () => this.#wakeMembers(), acked: () => this.#acked() },
        limits: this.#deps.settings.limits,
        settings: this.settings,
      })
      this.lanes.add(lane)
      if (lane.moved) this.#commits.acked() // where it begins is remembered from now on
    }
    if (places.length > 0 || fresh.length === 0) this.#report('assigned', places)
    return places
  }

  async revoked(parts?: readonly TopicPartition[]): Promise<void> {
    this.lanes.forget(parts)
    const lanes = parts === undefined ? this.lanes.all : parts.flatMap((part) => this.lanes.find(part) ?? [])
    if (lanes.length === 0) return
    await this.#release(lanes)
    this.#report('revoked', lanes)
  }

  lost(): void {
    this.lanes.forget()
    const lanes = this.lanes.all
    if (lanes.length === 0) return
    this.lanes.drop(lanes)
    this.#report('lost', lanes)
  }

  records(part: TopicPartition, records: readonly FetchedRecord[]): Promise<void> | void {
    const lane = this.lanes.find(part)
    const driver = this.#intake.driver
    if (lane === undefined || driver === undefined) return // it is somebody else's by now
    lane.push(records, this.#deps.wire)
    this.#wakeMembers()
    if (lane.fetched.full) return throttle(part, lane.fetched, driver, this.#deps.clock, () => lane.owned)
  }

  trouble(error: unknown): void {
    this.#deps.trouble(error)
  }

  /** Finishes what is in flight in these, commits, and gives them up. */
  async #release(lanes: readonly PartitionLane[]): Promise<void> {
    for (const lane of lanes) lane.stopIntake()
    for (const { fetched } of lanes) fetched.release() // nobody shall wait for room any more
    await this.#settledOf(lanes)
    await this.#commits.settle(lanes)
    this.lanes.drop(lanes)
  }

  async #settledOf(lanes: readonly PartitionLane[]): Promise<void> {
    const busy = (): boolean => lanes.some(({ state }) => state.inFlight > 0)
    if (!busy()) return
    const { clock, settings } = this.#deps
    await new Promise<void>((resolve) => {
      const over = (): void => {
        this.#waiters.delete(look)
        cancel()
        resolve()
      }
      const look = (): void => {
        if (!busy()) over()
      }
      const cancel = clock.schedule(over, settings.revokeDeadlineMs)
      this.#waiters.add(look)
    })
  }

  async #end(): Promise<void> {
    const lanes = this.lanes.all
    for (const lane of lanes) lane.stopIntake()
    await within(this.#deps.clock, this.#commits.settle(lanes), endMs)
    this.#commits.close()
    this.lanes.drop(this.lanes.all)
    await within(this.#deps.clock, this.#intake.end(), endMs)
    this.lanes.drop(this.lanes.all)
  }

  #acked(): void {
    this.#commits.acked()
    this.#look()
  }

  #look(): void {
    if (this.#waiters.size > 0) for (const look of [...this.#waiters]) look()
  }

  /** One that is far ahead leaves the next one to a member that waits. */
  #yields(member: GroupMember): boolean {
    if (this.members.size === 1) return false
    for (const other of this.members) {
      if (!other.waiting || other.held + fairLead > member.held) continue
      other.wake()
      return true
    }
    return false
  }

  #wakeMembers(): void {
    this.#look()
    if (this.members.size === 1) {
      for (const member of this.members) if (member.waiting) member.wake()
      return
    }
    // Those that wait are idle; among them, who has been given least comes first.
    const idle = [...this.members].filter((member) => member.waiting).toSorted((a, b) => a.held - b.held)
    for (const member of idle) member.wake()
  }

  #fail(error: unknown): void {
    this.#failure =
      error instanceof SpillwayError
        ? error
        : new KafkaRequestError('Finding where to begin', { cause: error })
    for (const member of this.members) member.wake()
  }

  #report(kind: 'assigned' | 'revoked' | 'lost', parts: readonly TopicPartition[]): void {
    const { observers } = this.#deps
    if (!observers.wants('assignment')) return
    const partitions = parts.map(({ partition, topic }) => ({ topic, partition }))
    observers.emit('assignment', { group: this.name, kind, partitions })
  }

  #overtaken(topic: string, records: number): void {
    this.#lost += records
    this.#warn(
      'group-overtaken',
      `Retention removed ${records} records of "${topic}" before group "${this.name}" had read them.`,
    )
  }

  #refused({ offset, partition, topic }: PartitionOffset, has: number | undefined): void {
    this.#warn(
      'commit-refused',
      `The server does not take offset ${offset} of "${topic}" [${partition}] for group "${this.name}", it has ` +
        `${has ?? 'none'}: what was handled since may be delivered again.`,
    )
  }

  #warn(code: 'group-overtaken' | 'commit-refused', text: string): void {
    const { name, pattern } = this
    this.#deps.observers.warn({ code, text, subscription: { id: name, pattern, group: name } })
  }
}
