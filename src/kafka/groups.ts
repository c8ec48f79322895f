import { checkSignal } from '../core/abort.ts'
import type { Handler, HandlerOptions } from '../core/contract.ts'
import { GroupConflictError, InvalidOptionError } from '../core/errors.ts'
import type { GroupLedger } from '../core/ledger.ts'
import { checkPosition } from '../core/position.ts'
import { duration, subscriptionSettings, wholeNumber } from '../core/settings.ts'
import { checkPattern } from '../core/topic.ts'
import type { GroupCounts, GroupSettings } from '../log/group/delivery.ts'
import { settling } from '../log/group/settling.ts'
import { LogHandlerSubscription } from '../log/log-handler-subscription.ts'
import { LogReaderSubscription } from '../log/log-reader-subscription.ts'
import type { ReaderPlace } from '../log/reader-place.ts'
import type { CommitCounts, KafkaGroupOptions } from './contract.ts'
import type { Deps } from './deps.ts'
import { GroupMember } from './group-member.ts'
import type { KafkaRecord } from './kafka-record.ts'
import { addCounts, noCounts } from './lanes.ts'
import { LiveGroup } from './live-group.ts'

export type JoinOptions = KafkaGroupOptions & { readonly concurrency?: number }

/** Books of a group that goes on when its last member here has left and another comes. */
interface Past {
  readonly counts: GroupCounts
  readonly commits: CommitCounts
  readonly pattern: string
}

/** The groups with members in this process, and the books of those that had some. */
export class Groups {
  readonly #deps: Deps
  readonly #place: (pattern: string, group: string) => ReaderPlace
  readonly #nextNumber: () => number
  readonly #live = new Map<string, LiveGroup>()
  readonly #past = new Map<string, Past>()
  /** Those whose last member has gone, until they have left. */
  readonly #leaving = new Map<LiveGroup, Promise<void>>()
  readonly #placing: (finding: Promise<void>) => void

  constructor(
    deps: Deps,
    place: (pattern: string, group: string) => ReaderPlace,
    nextNumber: () => number,
    placing: (finding: Promise<void>) => void,
  ) {
    this.#deps = deps
    this.#place = place
    this.#nextNumber = nextNumber
    this.#placing = placing
  }

  /** A new member of a group. Throws what is wrong with its options. */
  join(
    pattern: string,
    handler: Handler | undefined,
    options: JoinOptions,
  ): LogReaderSubscription | LogHandlerSubscription {
    checkPattern(pattern)
    checkSignal(options.signal)
    const { concurrency, group: name } = options
    if (typeof name !== 'string' || name === '')
      throw new InvalidOptionError('group', name, 'Give a non-empty name.')
    refuseMailboxOptions(options)
    const own = subscriptionSettings(concurrency === undefined ? {} : { concurrency })
    const group = this.#group(name, pattern, groupSettings(options), options)
    const member = new GroupMember(group)
    group.members.add(member)
    const place = this.#place(pattern, name)
    const number = this.#nextNumber()
    const leave = { ...place, ended: this.#leaves(place, group) }
    const subscription =
      handler === undefined
        ? new LogReaderSubscription(leave, number, member, own, options.signal)
        : new LogHandlerSubscription(leave, number, settling(handler) as Handler, member, own, options.signal)
    if (options.signal?.aborted === true) subscription.close()
    return subscription
  }

  /** The live group of this name, if there is one on this pattern. */
  find(name: string, pattern: string): LiveGroup | undefined {
    const group = this.#live.get(name)
    return group?.pattern === pattern ? group : undefined
  }

  /** Every group that has or had members here. */
  get all(): readonly { readonly name: string; readonly pattern: string }[] {
    const patterns = new Map<string, string>()
    for (const [name, { pattern }] of this.#past) patterns.set(name, pattern)
    for (const { name, pattern } of [...this.#leaving.keys(), ...this.#live.values()])
      patterns.set(name, pattern)
    return [...patterns].map(([name, pattern]) => ({ name, pattern }))
  }

  ledgers(): readonly (GroupLedger & { readonly commits: CommitCounts })[] {
    const groups = [...this.#leaving.keys(), ...this.#live.values()]
    return this.all.map(({ name, pattern }) => {
      const past = this.#past.get(name)
      const own = groups.filter((group) => group.name === name)
      const counts = own.reduce((sum, { lanes }) => addCounts(sum, lanes.counts), past?.counts ?? noCounts)
      const commits = own.reduce((sum, group) => addCommits(sum, group.commits), past?.commits ?? noCommits)
      return { group: name, pattern, ...counts, commits }
    })
  }

  /** Commits and leaves everywhere; resolves when that is done. */
  async end(): Promise<void> {
    for (const group of [...this.#live.values()]) this.#end(group)
    await Promise.all(this.#leaving.values())
  }

  #leaves(place: ReaderPlace, group: LiveGroup): ReaderPlace['ended'] {
    return (counts) => {
      place.ended(counts)
      // The books of the subscription are closed before the member leaves; the group ends after both.
      void Promise.resolve().then(() => {
        if (group.members.size === 0) this.#end(group)
      })
    }
  }

  #end(group: LiveGroup): void {
    const { name, pattern } = group
    if (this.#live.get(name) !== group) return
    this.#live.delete(name)
    const left = group.end().then(() => {
      const past = this.#past.get(name)
      const counts = addCounts(past?.counts ?? noCounts, group.lanes.counts)
      const commits = addCommits(past?.commits ?? noCommits, group.commits)
      this.#past.set(name, { pattern, counts, commits })
      this.#leaving.delete(group)
    })
    this.#leaving.set(group, left)
  }

  #group(
    name: string,
    pattern: string,
    settings: GroupSettings<KafkaRecord>,
    options: KafkaGroupOptions,
  ): LiveGroup {
    const live = this.#live.get(name)
    if (live !== undefined) {
      checkSame(live, pattern, settings, options)
      return live
    }
    const from = checkPosition('from', options.from ?? 'end', pattern)
    const group = new LiveGroup(this.#deps, { name, pattern, settings, from })
    this.#live.set(name, group)
    this.#placing(group.prepared)
    return group
  }
}

const noCommits: CommitCounts = { committed: 0, failed: 0, mismatched: 0 }

function addCommits(one: CommitCounts, other: CommitCounts): CommitCounts {
  return {
    committed: one.committed + other.committed,
    failed: one.failed + other.failed,
    mismatched: one.mismatched + other.mismatched,
  }
}

const defaultDeadlineMs = 30_000
const defaultInFlight = 256

function groupSettings(options: KafkaGroupOptions): GroupSettings<KafkaRecord> {
  const { orderingKey } = options
  if (orderingKey !== undefined && typeof orderingKey !== 'function')
    throw new InvalidOptionError('orderingKey', orderingKey, 'Give a function.')
  return {
    ackDeadlineMs: duration('ackDeadlineMs', options.ackDeadlineMs, defaultDeadlineMs),
    maxInFlight: wholeNumber('maxInFlight', options.maxInFlight, defaultInFlight),
    orderingKey: orderingKey ?? keyOf,
  }
}

function keyOf({ key }: KafkaRecord): string | undefined {
  return key
}

function refuseMailboxOptions(options: KafkaGroupOptions & HandlerOptions): void {
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
function checkSame(
  { name, pattern, settings }: LiveGroup,
  askedPattern: string,
  asked: GroupSettings<KafkaRecord>,
  options: KafkaGroupOptions,
): void {
  const founder = 'its first member'
  if (pattern !== askedPattern)
    throw new GroupConflictError(name, pattern, 'pattern', founder, pattern, askedPattern)
  for (const option of ['ackDeadlineMs', 'maxInFlight', 'orderingKey'] as const) {
    if (options[option] === undefined || settings[option] === asked[option]) continue
    throw new GroupConflictError(name, pattern, option, founder, settings[option], asked[option])
  }
}
