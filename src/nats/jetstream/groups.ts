import { checkSignal } from '../../core/abort.ts'
import type { Handler } from '../../core/contract.ts'
import { GroupConflictError, InvalidOptionError } from '../../core/errors.ts'
import type { InProcessBroker } from '../../core/in-process-broker.ts'
import type { GroupLedger } from '../../core/ledger.ts'
import { checkPosition, type Position } from '../../core/position.ts'
import { subscriptionSettings, wholeNumber } from '../../core/settings.ts'
import { checkPattern } from '../../core/topic.ts'
import { settling } from '../../log/group/settling.ts'
import type { JetStreamGroupOptions, JetStreamGroupStatus } from './contract.ts'
import { consumerName, type GroupName } from './consumer-name.ts'
import { GroupBooks } from './group-books.ts'
import { ensureConsumer, GroupFeed, type GroupParts, type GroupSettings, makeConsumer } from './group-feed.ts'
import { GroupMember } from './group-member.ts'
import { listGroups } from './group-list.ts'
import type { MemberParts } from './member-parts.ts'
import { type JetStreamSubscription, refuseMailboxOptions, subscribeTo } from './readers.ts'
import { checkFeeds, checkOffset } from './start.ts'
import type { Feed } from './streams.ts'

export type GroupOptions = JetStreamGroupOptions & { readonly concurrency?: number }

/** A group that has, or had, members in this broker. */
interface LocalGroup {
  readonly name: GroupName
  readonly books: GroupBooks
  readonly members: Set<GroupMember>
  settings: GroupSettings
}

/** The groups of a broker: each is a durable consumer per stream, which all its members everywhere share. */
export class Groups {
  readonly #host: InProcessBroker
  readonly #parts: GroupParts & Omit<MemberParts, 'books' | 'gone' | 'overtaken'>
  readonly #local = new Map<string, LocalGroup>()

  constructor(host: InProcessBroker, parts: GroupParts & Omit<MemberParts, 'books' | 'gone' | 'overtaken'>) {
    this.#host = host
    this.#parts = parts
  }

  /** A new member, and when the server has its consumers. */
  join(
    pattern: string,
    handler: Handler | undefined,
    options: GroupOptions,
  ): { readonly subscription: JetStreamSubscription; readonly opened: Promise<void> } {
    checkPattern(pattern)
    checkSignal(options.signal)
    const { concurrency = 1, group: name, orderingKey, prefetch = 0, signal } = options
    if (typeof name !== 'string' || name === '')
      throw new InvalidOptionError('group', name, 'Give a non-empty name.')
    refuseMailboxOptions(options, 'A group takes what it asks for: nothing overflows.')
    if ('capacity' in options)
      throw new InvalidOptionError('capacity', options.capacity, 'A group is bounded by maxInFlight.')
    if (orderingKey !== undefined && typeof orderingKey !== 'function')
      throw new InvalidOptionError('orderingKey', orderingKey, 'Give a function.')
    if (prefetch !== 0) wholeNumber('prefetch', prefetch, 0)
    const own = subscriptionSettings({ concurrency })
    const { from } = options
    const settings = groupSettings(options)
    const feeds = this.#parts.streams.feeds(pattern)
    if (from !== undefined) this.#checkPlace('from', from, pattern, feeds)
    const group = this.#found({ group: name, pattern }, settings)
    const member = new GroupMember(
      { ...this.#parts, ...this.#warnings(group.name), books: group.books },
      { prefetch, concurrency: handler === undefined ? 1 : own.concurrency, orderingKey },
    )
    group.members.add(member)
    const opened = this.#start(member, feeds, group, from)
    const settled = handler === undefined ? undefined : (settling(handler) as Handler)
    const what = { pattern, group: name, settings: own, signal }
    const subscription = subscribeTo(this.#host, this.#leaving(member, group), settled, what)
    return { subscription, opened }
  }

  /** Makes the consumers anew at another place; the first that cannot be there leaves all as they were. */
  async seek(group: string, pattern: string, position: Position): Promise<void> {
    checkPattern(pattern)
    const { api, streams } = this.#parts
    const feeds = streams.feeds(pattern)
    this.#checkPlace('position', position, pattern, feeds)
    const name = { group, pattern }
    const local = this.#local.get(keyOf(name))
    for (const feed of feeds) {
      const consumer = consumerName(name, feed.filter)
      const known = await api.consumer(feed.stream, consumer)
      if (known === undefined) throw unknownGroup(name)
      const { ack_wait: ackWait = 0, max_ack_pending: maxInFlight } = known.config
      const settings = { ackDeadlineMs: ackWait / 1e6, maxInFlight }
      checkOffset(pattern, position, (await streams.info(feed.stream)).state)
      // Between these two the group is nowhere: a server that goes away then is waited for.
      await api.insist(() => api.removeConsumer(feed.stream, consumer), goOn)
      await api.insist(() => makeConsumer(this.#parts, feed, consumer, name, settings, position), goOn)
      for (const member of local?.members ?? [])
        for (const open of member.feeds) if (open.consumer === consumer) open.moved()
    }
  }

  /** Forgets a group that has no members here. */
  async remove(group: string, pattern: string): Promise<void> {
    checkPattern(pattern)
    const name = { group, pattern }
    if ((this.#local.get(keyOf(name))?.members.size ?? 0) > 0)
      throw new InvalidOptionError('group', group, 'It has members: close them first.')
    let removed = false
    for (const feed of this.#parts.streams.feeds(pattern)) {
      const consumer = consumerName(name, feed.filter)
      if (await this.#parts.api.removeConsumer(feed.stream, consumer)) removed = true
    }
    if (!removed) throw unknownGroup(name)
  }

  list(): Promise<readonly JetStreamGroupStatus[]> {
    return listGroups(
      this.#parts,
      this.#host.clock,
      (name) => this.#local.get(keyOf(name))?.members.size ?? 0,
    )
  }

  ledgers(): readonly GroupLedger[] {
    return [...this.#local.values()].map(({ books }) => books.ledger)
  }

  async #start(
    member: GroupMember,
    feeds: readonly Feed[],
    group: LocalGroup,
    asked: Position | undefined,
  ): Promise<void> {
    const { name, settings } = group
    const started = feeds.map((feed) => {
      const consumer = consumerName(name, feed.filter)
      const open = new GroupFeed(this.#parts, feed, consumer, member)
      const from = asked ?? (this.#parts.streams.isQueue(feed.stream) ? 'start' : 'end')
      return { open, ensure: () => ensureConsumer(this.#parts, feed, consumer, name, settings, from) }
    })
    member.attach(started.map(({ open }) => open))
    await Promise.all(started.map(({ ensure, open }) => open.start(ensure)))
  }

  #checkPlace(option: string, position: Position, pattern: string, feeds: readonly Feed[]): void {
    checkPosition(option, position, pattern)
    checkFeeds(option, position, feeds)
    const queue = feeds.find(({ stream }) => this.#parts.streams.isQueue(stream))
    if (queue === undefined || position === 'start') return
    const advice = `The group of a work queue reads all of it, and "${queue.stream}" is one: use "start".`
    throw new InvalidOptionError(option, position, advice)
  }

  /** The group as this broker knows it; whoever joins may leave its settings out, but not ask for others. */
  #found(name: GroupName, asked: GroupSettings): LocalGroup {
    const known = this.#local.get(keyOf(name))
    if (known === undefined) {
      const group = { name, books: new GroupBooks(name), members: new Set<GroupMember>(), settings: asked }
      this.#local.set(keyOf(name), group)
      return group
    }
    if (known.members.size === 0) known.settings = asked
    for (const option of ['ackDeadlineMs', 'maxInFlight'] as const) {
      const [has, wants] = [known.settings[option], asked[option]]
      if (wants === undefined || has === wants) continue
      if (has !== undefined)
        throw new GroupConflictError(name.group, name.pattern, option, 'its first member', has, wants)
      known.settings = { ...known.settings, [option]: wants }
    }
    return known
  }

  #warnings({ group, pattern }: GroupName): Pick<MemberParts, 'gone' | 'overtaken'> {
    const subscription = { id: group, pattern, group }
    const { observers } = this.#host
    return {
      gone: (stream) => {
        const text = `The consumer of group "${group}" on stream "${stream}" was deleted or moved: what members had is not theirs any more.`
        observers.warn({ code: 'consumer-deleted', text, subscription })
      },
      overtaken: (stream, messages) => {
        const text = `Retention of stream "${stream}" removed ${messages} messages before group "${group}" on "${pattern}" had read them.`
        observers.warn({ code: 'group-overtaken', text, subscription })
      },
    }
  }

  /** The member as a source that leaves its group when it closes. */
  #leaving(member: GroupMember, group: LocalGroup): GroupMember {
    member.left = () => group.members.delete(member)
    return member
  }
}

function goOn(): boolean {
  return false
}

function keyOf({ group, pattern }: GroupName): string {
  return `${pattern}\n${group}`
}

function unknownGroup({ group, pattern }: GroupName): InvalidOptionError {
  return new InvalidOptionError('group', group, `There is no such group on "${pattern}".`)
}

function groupSettings({ ackDeadlineMs, maxInFlight }: GroupOptions): GroupSettings {
  const isDeadline = typeof ackDeadlineMs === 'number' && Number.isFinite(ackDeadlineMs) && ackDeadlineMs > 0
  if (ackDeadlineMs !== undefined && !isDeadline)
    throw new InvalidOptionError(
      'ackDeadlineMs',
      ackDeadlineMs,
      'Give a finite number of milliseconds above 0.',
    )
  if (maxInFlight !== undefined) wholeNumber('maxInFlight', maxInFlight, 1)
  return { ackDeadlineMs, maxInFlight }
}
