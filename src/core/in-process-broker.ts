import { checkSignal, SignalRegistry } from './abort.ts'
import { checkRequired } from './capabilities.ts'
import { type Clock, systemClock } from './clock.ts'
import type {
  Capabilities,
  DrainOptions,
  DrainReport,
  Handler,
  HandlerOptions,
  PublishAndWaitOptions,
  PublishOptions,
  Receipt,
  TopicPublisher,
} from './contract.ts'
import { type BrokerOptions, memoryCapabilities, spillingCapabilities } from './broker-options.ts'
import { BrokerClosedError } from './errors.ts'
import { Fanout } from './fanout.ts'
import type { FedFanouts } from './fed-fanouts.ts'
import { GroupHandler, GroupReader } from './group-members.ts'
import { checkGroupName, checkMember } from './group-options.ts'
import { type Ledger, type MailboxCounts, sumCounts } from './ledger.ts'
import { EndedCounts, type Host, type MailboxOwner } from './mailbox.ts'
import { MessageFactory } from './memory-message.ts'
import type { MemorySubscription } from './memory-subscription.ts'
import type { Message } from './message.ts'
import type { Observer } from './observer.ts'
import { Observers } from './observers.ts'
import { OwnHandler } from './own-handler.ts'
import { OwnReader } from './own-reader.ts'
import { PatternIndex } from './pattern-index.ts'
import { PublishPath } from './publish-path.ts'
import { QueueGroup } from './queue-group.ts'
import { Reports } from './reports.ts'
import { warnOfSecondBlock } from './second-block.ts'
import { RouteCache } from './route.ts'
import { SchemaTable } from './schema.ts'
import {
  defaultTimeoutMs,
  duration,
  refuseSpilling,
  type SubscriptionSettings,
  subscriptionSettings,
} from './settings.ts'
import { checkPattern } from './topic.ts'
import type { SpillStore } from './spill.ts'
import { Desk } from './ticket.ts'

/** A subscription of a broker built on this one: it reads elsewhere, but drains, ends and is accounted for here. */
export type Guest = Pick<MailboxOwner, 'ledger' | 'drain' | 'end'>

/** The broker inside: untyped, and open to brokers that keep their messages elsewhere and hand them on here. */
export class InProcessBroker implements Host {
  readonly capabilities: Capabilities
  readonly clock: Clock
  readonly desk: Desk
  readonly observers: Observers
  readonly reports: Reports = new Reports()
  readonly ended: EndedCounts = new EndedCounts()
  readonly draining: Set<MailboxOwner> = new Set()
  readonly signals: SignalRegistry = new SignalRegistry()
  readonly spill: SpillStore | undefined
  readonly guests: Set<Guest> = new Set()
  readonly #index = new PatternIndex<Fanout>()
  readonly #fanouts = new Set<Fanout>()
  readonly #fed: FedFanouts | undefined
  readonly #path: PublishPath
  #subscriptions = 0
  /** Copies made for patterns that are gone. */
  #retiredCopies = 0
  #open = true
  #closed = false
  #drained: Promise<DrainReport> | undefined

  /** With `fed`, messages come by its fan-outs and not by `publish`. */
  constructor(options: BrokerOptions, fed?: FedFanouts) {
    this.#fed = fed
    this.clock = options.clock ?? systemClock
    this.spill = options.spill
    this.capabilities = this.spill === undefined ? memoryCapabilities : spillingCapabilities
    checkRequired(this.capabilities, options.requires)
    this.desk = new Desk(this.clock, this.signals)
    this.observers = new Observers((observed) => {
      if (observed) for (const fanout of this.#fanouts) fanout.decideAtOnce()
    })
    const routes = new RouteCache(this.#index, new SchemaTable(options.schemas ?? {}))
    this.#path = new PublishPath(
      routes,
      new MessageFactory(this.clock),
      this.desk,
      this.observers,
      this.reports,
    )
    if (options.observer !== undefined) this.observers.add(options.observer)
  }

  publish(topic: string, payload: unknown, options?: PublishOptions): Promise<Receipt> {
    return this.#path.publish(topic, payload, options)
  }

  publishAndWait(topic: string, payload: unknown, options?: PublishAndWaitOptions): Promise<Receipt> {
    return this.#path.publishAndWait(topic, payload, options)
  }

  /** Hands a message made elsewhere to its subscriptions; see `PublishPath.relay`. */
  relay(message: Message, options?: PublishOptions): Promise<Receipt> | undefined {
    return this.#path.relay(message, options)
  }

  /** True while any subscription is live: without one there is nothing to relay to. */
  get inhabited(): boolean {
    return this.#fanouts.size > 0
  }

  /** The number of the next subscription; brokers built on this one number theirs in the same row. */
  nextNumber(): number {
    return ++this.#subscriptions
  }

  /** A guest has ended with these books. */
  guestEnded(counts: MailboxCounts): void {
    this.ended.add(counts)
    this.#retiredCopies += counts.routed
  }

  topic(name: string): TopicPublisher<unknown> {
    return this.#path.bind(name)
  }

  observe(observer: Observer): Disposable {
    return this.observers.add(observer)
  }

  subscribe(
    pattern: string,
    handlerOrOptions?: Handler | HandlerOptions,
    handlerOptions?: HandlerOptions,
  ): MemorySubscription {
    const handler = typeof handlerOrOptions === 'function' ? handlerOrOptions : undefined
    const options = typeof handlerOrOptions === 'function' ? handlerOptions : handlerOrOptions
    checkPattern(pattern)
    if (!this.#open) throw new BrokerClosedError('subscribe')
    const settings = subscriptionSettings(options)
    if (this.spill === undefined) refuseSpilling(settings)
    checkSignal(options?.signal)
    const subscription =
      options?.group === undefined
        ? this.#subscribeAlone(this.#fanout(pattern, undefined), handler, settings, options?.signal)
        : this.#joinGroup(pattern, options.group, handler, settings, options)
    if (this.observers.wants('subscribed')) {
      const { name, group } = subscription
      this.observers.emit('subscribed', { subscription: group === undefined ? name : { ...name, group } })
    }
    if (options?.signal?.aborted === true) subscription.close()
    return subscription
  }

  ledger(): Ledger {
    let copies = this.#retiredCopies
    for (const fanout of this.#fanouts) copies += fanout.copies
    const { published, unrouted } = this.#path
    const mailboxes = [...this.#owners()].map((owner) => owner.ledger())
    for (const guest of this.guests) {
      const books = guest.ledger()
      mailboxes.push(books)
      copies += books.routed
    }
    return {
      published,
      routed: published - unrouted,
      unrouted,
      copies,
      mailboxes,
      ended: this.ended.snapshot(),
    }
  }

  /** What `first` waits for may still come in; it shares the deadline. */
  drain(options?: DrainOptions, first?: () => Promise<unknown>): Promise<DrainReport> {
    try {
      const timeoutMs = duration('timeoutMs', options?.timeoutMs, defaultTimeoutMs)
      this.#drained ??= this.#drain(timeoutMs, first)
      return this.#drained
    } catch (error) {
      return Promise.reject(error)
    }
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#refuse()
    this.#closed = true
    for (const owner of [...this.#owners(), ...this.guests]) owner.end('closed', true)
    this.observers.emit('ended', {})
    return Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  retire(fanout: Fanout): void {
    this.#retiredCopies += fanout.copies
    this.#fanouts.delete(fanout)
    if (this.#fed !== undefined) return this.#fed.delete(fanout)
    this.#index.delete(fanout.pattern)
    this.#path.forget(fanout.pattern)
  }

  async #drain(timeoutMs: number, first: (() => Promise<unknown>) | undefined): Promise<DrainReport> {
    const since = this.clock.now()
    const before = this.#totals()
    if (this.#open) this.observers.emit('draining', {})
    this.#refuse()
    // One deadline for all, also for those that began to drain by themselves with another.
    let inTime = true
    let giveUp = noop
    const cancel = this.clock.schedule(() => {
      inTime = false
      void this.close()
      giveUp()
    }, timeoutMs)
    if (first !== undefined) {
      const late = new Promise<void>((resolve) => {
        giveUp = resolve
      })
      await Promise.race([first(), late])
    }
    const forEver = { timeoutMs: Number.POSITIVE_INFINITY }
    await Promise.all([...this.#owners(), ...this.guests].map((owner) => owner.drain(forEver)))
    cancel()
    await this.close()
    const after = this.#totals()
    const dropped = after.closed - before.closed
    const durationMs = this.clock.now() - since
    return {
      complete: inTime && dropped === 0,
      delivered: after.delivered - before.delivered,
      dropped,
      durationMs,
    }
  }

  #refuse(): void {
    this.#open = false
    this.#path.refuse(() => new BrokerClosedError('publish'))
  }

  #totals(): { readonly delivered: number; readonly closed: number } {
    const { mailboxes, ended } = this.ledger()
    const { delivered, dropped } = sumCounts([...mailboxes, ended])
    return { delivered, closed: dropped.closed }
  }

  #owners(): Set<MailboxOwner> {
    const owners = new Set<MailboxOwner>(this.draining)
    for (const fanout of this.#fanouts) for (const owner of fanout.owners()) owners.add(owner)
    return owners
  }

  #known(pattern: string, group: string | undefined): Fanout | undefined {
    return this.#fed === undefined ? this.#index.get(pattern) : this.#fed.get(pattern, group)
  }

  #fanout(pattern: string, group: string | undefined): Fanout {
    const known = this.#known(pattern, group)
    if (known !== undefined) return known
    const fanout = new Fanout(pattern, this)
    this.#fanouts.add(fanout)
    if (this.#fed !== undefined) {
      this.#fed.add(fanout, group)
    } else {
      this.#index.set(pattern, fanout)
      this.#path.forget(pattern)
    }
    return fanout
  }

  #subscribeAlone(
    fanout: Fanout,
    handler: Handler | undefined,
    settings: SubscriptionSettings,
    signal: AbortSignal | undefined,
  ): MemorySubscription {
    const number = this.nextNumber()
    const subscription =
      handler === undefined
        ? new OwnReader(fanout, number, settings, signal)
        : new OwnHandler(fanout, number, handler, settings, signal)
    if (settings.whenFull === 'block') warnOfSecondBlock(subscription, this.#fanouts, this.observers)
    return subscription
  }

  #joinGroup(
    pattern: string,
    name: string,
    handler: Handler | undefined,
    settings: SubscriptionSettings,
    options: HandlerOptions,
  ): MemorySubscription {
    checkGroupName(name)
    const known = this.#known(pattern, name)?.groups.get(name)
    if (known !== undefined) checkMember(known, name, pattern, options, settings)
    const fanout = this.#fanout(pattern, name)
    const number = this.nextNumber()
    let group = known
    if (group === undefined) {
      group = new QueueGroup(fanout, name, number, settings)
      fanout.groups.set(name, group)
    }
    const subscription =
      handler === undefined
        ? new GroupReader(fanout, number, group, options.signal)
        : new GroupHandler(fanout, number, group, handler, settings, options.signal)
    if (known === undefined && settings.whenFull === 'block')
      warnOfSecondBlock(group, this.#fanouts, this.observers)
    return subscription
  }
}

function noop(): void {}
