import { checkSignal } from '../../core/abort.ts'
import type { Handler, HandlerOptions } from '../../core/contract.ts'
import type { GroupLedger } from '../../core/ledger.ts'
import { GroupConflictError, InvalidOptionError } from '../../core/errors.ts'
import type { InProcessBroker } from '../../core/memory-broker.ts'
import { checkPosition, type Position } from '../../core/position.ts'
import { duration, subscriptionSettings, wholeNumber } from '../../core/settings.ts'
import { checkPattern } from '../../core/topic.ts'
import type { GroupSettings } from '../../log/group/delivery.ts'
import { settling } from '../../log/group/settling.ts'
import { LogHandlerSubscription } from '../../log/log-handler-subscription.ts'
import { LogReaderSubscription } from '../../log/log-reader-subscription.ts'
import type { ReaderPlace } from '../../log/reader-place.ts'
import type { GroupOptions, GroupPosition, GroupStatus } from '../contract.ts'
import type { GroupSnapshot } from '../format/snapshot.ts'
import { groupKey } from '../recovery/log-state.ts'
import type { Log } from '../store/log.ts'
import type { StoredRecord } from '../store/stored-record.ts'
import { GroupMember } from './group-member.ts'
import { groupStatus } from './group-status.ts'
import { LiveGroup } from './live-group.ts'
import { findStart, type Start } from './start.ts'
import { WalSource } from './wal-source.ts'

const defaultDeadlineMs = 30_000
const defaultInFlight = 256

/** The named groups of a log: those with members, and those that are only remembered. */
export class Groups {
  readonly #host: InProcessBroker
  readonly #place: (pattern: string, group: string) => ReaderPlace
  readonly #live = new Map<string, LiveGroup>()
  /** Groups that were paused, with members or without. */
  readonly #paused = new Set<string>()
  #log: Log

  constructor(host: InProcessBroker, log: Log, place: (pattern: string, group: string) => ReaderPlace) {
    this.#host = host
    this.#log = log
    this.#place = place
  }

  /** A new member of a group, which goes on where it stopped. */
  join(
    pattern: string,
    handler: Handler | undefined,
    options: GroupOptions & { readonly concurrency?: number },
  ): LogReaderSubscription | LogHandlerSubscription {
    checkPattern(pattern)
    checkSignal(options.signal)
    const { group: name } = options
    if (typeof name !== 'string' || name === '')
      throw new InvalidOptionError('group', name, 'Give a non-empty name.')
    refuseMailboxOptions(options)
    const settings = groupSettings(options)
    const group = this.#group(name, pattern, settings, options)
    const member = new GroupMember(group)
    group.members.add(member)
    const number = this.#host.nextNumber()
    const place = this.#place(pattern, name)
    const { concurrency } = options
    const own = subscriptionSettings(concurrency === undefined ? {} : { concurrency })
    const subscription =
      handler === undefined
        ? new LogReaderSubscription(place, number, member, own, options.signal)
        : new LogHandlerSubscription(place, number, settling(handler) as Handler, member, own, options.signal)
    if (options.signal?.aborted === true) subscription.close()
    return subscription
  }

  /** Moves a group, with or without members, to another place. What is in flight can be acked no more. */
  async seek(name: string, pattern: string, position: GroupPosition): Promise<void> {
    const target = isShift(position) ? await this.#shifted(name, pattern, position.shift) : position
    const start = await this.#exact(pattern, checkPosition('position', target, pattern))
    const live = this.#live.get(groupKey({ name, pattern }))
    if (live === undefined) {
      this.#log.keepGroup({ ...this.#known(name, pattern), cursor: start.seq, acked: [] })
    } else {
      live.moveTo(start)
      live.keep()
    }
    await this.#log.flush()
  }

  /** Members get nothing new while a group is paused; what they have may still be settled. */
  pause(name: string, pattern: string, paused: boolean): void {
    this.#known(name, pattern)
    const key = groupKey({ name, pattern })
    if (paused) this.#paused.add(key)
    else this.#paused.delete(key)
    this.#live.get(key)?.pause(paused)
  }

  /** Forgets a group that has no members. */
  async remove(name: string, pattern: string): Promise<void> {
    const key = groupKey({ name, pattern })
    const known = this.#known(name, pattern)
    if ((this.#live.get(key)?.members.size ?? 0) > 0)
      throw new InvalidOptionError('group', name, 'It has members: close them first.')
    this.#live.get(key)?.forget()
    this.#live.delete(key)
    this.#paused.delete(key)
    this.#log.dropGroup(known)
    await this.#log.flush()
  }

  async list(): Promise<readonly GroupStatus[]> {
    const found: GroupStatus[] = []
    for (const snapshot of this.#snapshots()) found.push(await this.#status(snapshot))
    return found
  }

  /** What members have done with what they were given, by group. */
  ledgers(): readonly GroupLedger[] {
    return [...this.#live.values()].map(({ name, pattern, state }) => ({
      group: name,
      pattern,
      ...state.counts,
    }))
  }

  notify(): void {
    for (const group of this.#live.values()) group.notify()
  }

  renew(log: Log): void {
    this.#log = log
    for (const group of this.#live.values()) group.renew(log)
  }

  /** Writes all cursors. */
  async close(): Promise<void> {
    await Promise.all([...this.#live.values()].map((group) => group.close()))
    this.#live.clear()
  }

  #group(
    name: string,
    pattern: string,
    settings: GroupSettings<StoredRecord>,
    options: GroupOptions,
  ): LiveGroup {
    const key = groupKey({ name, pattern })
    const live = this.#live.get(key)
    if (live !== undefined) {
      checkSame(live, settings, options)
      return live
    }
    const known = this.#log.state.groups.get(key)
    const start: Start =
      known === undefined
        ? findStart(this.#log, pattern, checkPosition('from', options.from ?? 'end', pattern))
        : { seq: known.cursor, minOffset: 0, skip: 0, fromMs: 0, before: 0 }
    const { clock, observers } = this.#host
    const group = new LiveGroup(
      this.#log,
      clock,
      observers,
      { name, pattern, settings },
      start,
      known ?? noMemory,
    )
    this.#live.set(key, group)
    if (this.#paused.has(key)) group.pause(true)
    if (known === undefined) group.keep()
    return group
  }

  #known(name: string, pattern: string): GroupSnapshot {
    const key = groupKey({ name, pattern })
    const known = this.#live.get(key)?.snapshot ?? this.#log.state.groups.get(key)
    if (known === undefined)
      throw new InvalidOptionError('group', name, `There is no such group on "${pattern}".`)
    return known
  }

  *#snapshots(): Generator<GroupSnapshot> {
    for (const [key, known] of this.#log.state.groups) yield this.#live.get(key)?.snapshot ?? known
  }

  async #status(snapshot: GroupSnapshot): Promise<GroupStatus> {
    const status = await groupStatus(this.#log, snapshot, this.#host.clock.now())
    const key = groupKey(snapshot)
    const live = this.#live.get(key)
    const [inFlight, members] = [live?.state.counts.inFlight ?? 0, live?.members.size ?? 0]
    return { ...status, inFlight, members, paused: this.#paused.has(key) }
  }

  /** The position `shift` messages from where a group is: the last so many that it then has before it. */
  async #shifted(name: string, pattern: string, shift: number): Promise<Position> {
    if (!Number.isSafeInteger(shift))
      throw new InvalidOptionError('position.shift', shift, 'Give a whole number of messages.')
    const known = this.#known(name, pattern)
    const { lagMessages } = await this.#status({ ...known, acked: [] })
    return lagMessages <= shift ? 'end' : shift - lagMessages
  }

  /** A place as one sequence number, which is all that a cursor holds. */
  async #exact(pattern: string, position: Position): Promise<Start> {
    const start = findStart(this.#log, pattern, position)
    if (position === 'start' || position === 'end') return start
    const source = new WalSource(this.#log, pattern, start, ignore)
    const seq = await source.firstSeq()
    return { seq: seq ?? this.#log.state.nextSeq, minOffset: 0, skip: 0, fromMs: 0, before: start.before }
  }
}

function isShift(position: GroupPosition): position is { readonly shift: number } {
  return typeof position === 'object' && position !== null && 'shift' in position
}

const noMemory = { acked: [], lost: 0 }

function ignore(): void {}

function groupSettings(options: GroupOptions): GroupSettings<StoredRecord> {
  const { orderingKey } = options
  if (orderingKey !== undefined && typeof orderingKey !== 'function')
    throw new InvalidOptionError('orderingKey', orderingKey, 'Give a function.')
  return {
    ackDeadlineMs: duration('ackDeadlineMs', options.ackDeadlineMs, defaultDeadlineMs),
    maxInFlight: wholeNumber('maxInFlight', options.maxInFlight, defaultInFlight),
    orderingKey,
  }
}

function refuseMailboxOptions(options: GroupOptions & HandlerOptions): void {
  if (options.overflow !== undefined)
    throw new InvalidOptionError(
      'overflow',
      options.overflow,
      'A group reads the log at its own pace: nothing overflows.',
    )
  if (options.capacity !== undefined)
    throw new InvalidOptionError('capacity', options.capacity, 'A group is bounded by maxInFlight.')
}

/** The settings belong to the group: whoever joins may leave them out, but not ask for others. */
function checkSame(live: LiveGroup, asked: GroupSettings<StoredRecord>, options: GroupOptions): void {
  for (const option of ['ackDeadlineMs', 'maxInFlight', 'orderingKey'] as const) {
    if (options[option] === undefined || live.settings[option] === asked[option]) continue
    throw new GroupConflictError(
      live.name,
      live.pattern,
      option,
      'its first member',
      live.settings[option],
      asked[option],
    )
  }
}
