import type { Clock } from '../../core/clock.ts'
import type { Observers } from '../../core/observers.ts'
import type { GroupSettings } from '../../log/group/delivery.ts'
import { GroupState } from '../../log/group/group-state.ts'
import type { GroupSnapshot } from '../format/snapshot.ts'
import type { Log } from '../store/log.ts'
import type { StoredRecord } from '../store/stored-record.ts'
import type { GroupMember } from './group-member.ts'
import { anywhere, type Start } from './start.ts'
import { WalSource } from './wal-source.ts'

/** A cursor is written so long after it has moved, with whatever else is committed then. */
const keepAfterMs = 10

/** A group that has members, or is being moved. */
export class LiveGroup {
  readonly name: string
  readonly pattern: string
  readonly settings: GroupSettings<StoredRecord>
  readonly state: GroupState<StoredRecord>
  readonly members: Set<GroupMember> = new Set()
  readonly #clock: Clock
  readonly #observers: Observers
  #log: Log
  #source: WalSource
  #cancelKeep: (() => void) | undefined
  #lost: number
  #fetching = false
  /** It is known where exactly it stands: when it begins at an offset or a time, a record must be found first. */
  #exact: boolean
  readonly #found: Promise<void>
  #forgotten = false

  constructor(
    log: Log,
    clock: Clock,
    observers: Observers,
    what: { readonly name: string; readonly pattern: string; readonly settings: GroupSettings<StoredRecord> },
    start: Start,
    memory: Pick<GroupSnapshot, 'acked' | 'lost'>,
  ) {
    this.name = what.name
    this.pattern = what.pattern
    this.settings = what.settings
    this.#log = log
    this.#clock = clock
    this.#observers = observers
    this.#lost = memory.lost
    this.#exact = start.minOffset === 0 && start.skip === 0 && start.fromMs === 0
    this.#source = this.#sourceFrom(start)
    this.state = new GroupState(clock, what.settings, this.#source, memory.acked, {
      work: () => this.#wakeMembers(),
      changed: () => this.#keepLater(),
    })
    this.#found = this.#exact ? Promise.resolve() : this.#find(start)
  }

  /** What the log shall remember of it. */
  get snapshot(): GroupSnapshot {
    const { name, pattern } = this
    return { name, pattern, ...this.state.memory, lost: this.#lost }
  }

  /** Records it has not taken from the log yet. */
  get unread(): number {
    return this.#source.pending
  }

  /** Records have become visible. */
  notify(): void {
    this.#wakeMembers()
  }

  /** A member waits: when records have to be fetched from files first, it shall hear of them. */
  awaitRecords(): void {
    if (this.#fetching || !this.#source.fetching) return
    this.#fetching = true
    void this.#source.wait().then(() => {
      this.#fetching = false
      this.#wakeMembers()
    })
  }

  leave(member: GroupMember): void {
    this.members.delete(member)
    this.state.leave(member)
  }

  moveTo(start: Start): void {
    this.#exact = true
    this.#source = this.#sourceFrom(start)
    this.state.seek(this.#source)
  }

  pause(paused: boolean): void {
    this.state.paused = paused
    if (!paused) this.#wakeMembers()
  }

  renew(log: Log): void {
    this.#log = log
    this.#source.renew(log)
    this.#keepLater()
  }

  /** Writes the cursor now, as far as the log takes anything. */
  keep(): void {
    this.#cancelKeep?.()
    this.#cancelKeep = undefined
    if (this.#forgotten || (!this.#exact && this.state.counts.delivered === 0)) return
    if (this.#log.failed === undefined) this.#log.keepGroup(this.snapshot)
  }

  /** Ends it without a trace. */
  forget(): void {
    this.#forgotten = true
    this.#cancelKeep?.()
    this.state.close()
  }

  async close(): Promise<void> {
    await this.#found
    this.state.close()
    this.keep()
  }

  /** A group that is new must be remembered where it began, also when nothing is read until the next crash. */
  async #find(start: Start): Promise<void> {
    const begun = this.#source
    const place = this.#sourceFrom(start)
    await place.firstSeq()
    // Before that time has come, whatever is published is not for the group.
    if (place.failure !== undefined || start.fromMs > this.#clock.now()) return
    if (this.#source === begun && this.state.counts.delivered === 0)
      this.moveTo({ ...anywhere, seq: place.seq, before: begun.pending })
    this.keep()
  }

  #keepLater(): void {
    this.#cancelKeep ??= this.#clock.schedule(() => this.keep(), keepAfterMs)
  }

  #wakeMembers(): void {
    // Those that wait are idle; among them, who has been given least comes first.
    const idle = [...this.members].filter((member) => member.waiting).toSorted((a, b) => a.held - b.held)
    for (const member of idle) member.wake()
  }

  #sourceFrom(start: Start): WalSource {
    return new WalSource(this.#log, this.pattern, start, (records) => this.#overtaken(records))
  }

  #overtaken(records: number): void {
    this.#lost += records
    this.#keepLater()
    const { name, pattern } = this
    const text = `Retention removed ${records} records before group "${name}" on "${pattern}" had read them.`
    const subscription = { id: name, pattern, group: name }
    this.#observers.emit('warning', { code: 'group-overtaken', text, subscription })
  }
}
