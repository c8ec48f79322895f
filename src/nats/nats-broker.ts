import type { NatsConnection } from '@nats-io/nats-core'
import { checkRequired, makeCapabilities } from '../core/capabilities.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import type {
  Capabilities,
  DrainOptions,
  DrainReport,
  Handler,
  HandlerOptions,
  HandlerSubscription,
  PublishOptions,
  Receipt,
  Subscription,
} from '../core/contract.ts'
import { BrokerClosedError, InvalidOptionError } from '../core/errors.ts'
import type { AnyEvents } from '../core/event-map.ts'
import type { Fanout } from '../core/fanout.ts'
import { FedFanouts } from '../core/fed-fanouts.ts'
import type { Health } from '../core/health.ts'
import { InProcessBroker } from '../core/in-process-broker.ts'
import { MessageFactory } from '../core/memory-message.ts'
import type { MemorySubscription } from '../core/memory-subscription.ts'
import type { Observer } from '../core/observer.ts'
import { defaultTimeoutMs, duration } from '../core/settings.ts'
import { checkPattern, checkTopic, isLiteral } from '../core/topic.ts'
import { PublishGate } from '../remote/publish-gate.ts'
import { Wire } from '../remote/wire.ts'
import { ConnectionWatch } from './connection-watch.ts'
import type { NatsBroker, NatsBrokerOptions, NatsCapability, NatsLedger, NatsPublisher } from './contract.ts'
import { toNatsHeaders } from './headers.ts'
import { checkSubscribeOptions, natsPolicies, outageLimits, unreadLimit } from './options.ts'
import { Sender } from './sender.ts'
import { Station } from './station.ts'

export const natsCapabilities: Capabilities<NatsCapability> = makeCapabilities({
  broker: 'nats',
  provides: ['groups', 'wildcards', 'order', 'remote', 'reconnect'],
  delivery: 'best-effort',
  overflow: natsPolicies,
})

/** How long `close` waits to hear whether the server has read what was published. */
const lastWordMs = 1000

/**
 * Makes a broker on core NATS: fast, without storage. Messages reach whoever is subscribed at the moment, anywhere; those
 * published while a subscriber, the server or the way to it is away are lost, and the broker says so: `capabilities.delivery`
 * is `best-effort`. Use `createJetStreamBroker` for messages that must arrive.
 *
 * @example
 * const broker = createNatsBroker<{ 'orders.created': { id: number } }>({ connection: await connectNats({ servers }) })
 * broker.subscribe('orders.*', ({ payload }) => ship(payload.id), { group: 'shipping' })
 * await broker.publish('orders.created', { id: 1 })
 */
export function createNatsBroker<E extends object = AnyEvents>(options: NatsBrokerOptions): NatsBroker<E> {
  // The implementation is untyped inside; the map of topics to payloads lives in the interface alone.
  return new CoreNats(options) as unknown as NatsBroker<E>
}

class CoreNats {
  readonly capabilities: Capabilities<NatsCapability> = natsCapabilities
  readonly #connection: NatsConnection
  readonly #clock: Clock
  readonly #wire: Wire
  readonly #stamps: MessageFactory
  readonly #gate: PublishGate
  readonly #watch: ConnectionWatch
  readonly #sender: Sender
  readonly #fanouts: FedFanouts
  readonly #live: InProcessBroker
  readonly #stations = new Map<Fanout, Station>()
  #drained: Promise<DrainReport> | undefined
  #closed: Promise<void> | undefined
  /** Ends what a drain waits for. */
  #beginClosing = noop
  readonly #closing = new Promise<void>((resolve) => {
    this.#beginClosing = resolve
  })

  constructor(options: NatsBrokerOptions) {
    checkRequired(natsCapabilities, options.requires)
    const { codec, connection, observer, schemas } = options
    if (typeof connection?.publish !== 'function' || connection.isClosed())
      throw new InvalidOptionError('connection', connection, 'Give an open connection: await connectNats().')
    const limits = outageLimits(options)
    const unread = unreadLimit(options)
    this.#connection = connection
    this.#clock = options.clock ?? systemClock
    this.#wire = new Wire(codec)
    this.#stamps = new MessageFactory(this.#clock)
    this.#gate = new PublishGate(schemas)
    this.#fanouts = new FedFanouts((fanout) => this.#retired(fanout))
    const clock = this.#clock
    this.#live = new InProcessBroker(observer === undefined ? { clock } : { clock, observer }, this.#fanouts)
    this.#watch = new ConnectionWatch(connection, clock, {
      down: () => this.#down(),
      up: () => this.#up(),
      closed: () => this.#connectionEnded(),
      error: (error) => this.#serverError(error),
    })
    this.#sender = new Sender(this.#watch, clock, unread, limits)
  }

  publish(topic: string, payload: unknown, options?: PublishOptions): Promise<Receipt> {
    if (options !== undefined || !this.#gate.clears(topic))
      return this.#gate.pass(topic, payload, options, (valid) => this.#send(topic, valid, options))
    try {
      return this.#send(topic, payload, undefined)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  topic(name: string): NatsPublisher<unknown> {
    checkTopic(name)
    return { topic: name, publish: (payload, options) => this.publish(name, payload, options) }
  }

  observe(observer: Observer): Disposable {
    return this.#live.observe(observer)
  }

  health(): Health {
    return this.#watch.health()
  }

  flush(options?: DrainOptions): Promise<void> {
    try {
      if (!this.#gate.open) throw new BrokerClosedError('flush')
      return this.#sender.flush(duration('timeoutMs', options?.timeoutMs, defaultTimeoutMs))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  subscribe(
    pattern: string,
    handlerOrOptions?: Handler | HandlerOptions,
    handlerOptions?: HandlerOptions,
  ): Subscription | HandlerSubscription {
    const options = typeof handlerOrOptions === 'function' ? handlerOptions : handlerOrOptions
    checkPattern(pattern)
    checkSubscribeOptions(pattern, options)
    const subscription = this.#live.subscribe(pattern, handlerOrOptions, handlerOptions)
    const fanout = this.#fanouts.get(pattern, options?.group)
    if (subscription.closed || fanout === undefined) return subscription
    try {
      this.#station(fanout, options?.group).open()
    } catch (error) {
      subscription.close()
      throw error
    }
    if (options?.group !== undefined) this.#leaveGently(subscription, fanout)
    return subscription
  }

  ledger(): NatsLedger {
    const transport = this.#sender.counts
    // Nobody knows whether anybody is subscribed.
    const flow = { published: transport.sent, routed: transport.sent, unrouted: 0 }
    return { ...this.#live.ledger(), ...flow, transport }
  }

  drain(options?: DrainOptions): Promise<DrainReport> {
    try {
      const timeoutMs = duration('timeoutMs', options?.timeoutMs, defaultTimeoutMs)
      this.#drained ??= this.#drain(timeoutMs)
      return this.#drained
    } catch (error) {
      return Promise.reject(error)
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  #send(topic: string, payload: unknown, options: PublishOptions | undefined): Promise<Receipt> {
    const { bytes, contentType } = this.#wire.encode(payload, topic)
    if (options === undefined && contentType === undefined)
      return this.#sender.send(topic, bytes, undefined, undefined)
    const { headers, id, signal } = options ?? {}
    const made = toNatsHeaders({ headers, id, contentType, time: this.#clock.now() })
    return this.#sender.send(topic, bytes, made, signal)
  }

  #station(fanout: Fanout, group: string | undefined): Station {
    let station = this.#stations.get(fanout)
    if (station === undefined) {
      const topic = isLiteral(fanout.pattern) ? fanout.pattern : undefined
      const origin = { wire: this.#wire, stamps: this.#stamps, topic }
      station = new Station(fanout, group, this.#connection, origin, {
        refused: (from, error) => this.#refused(from, error),
        threw: (error) => this.#live.observers.reportFailure('nats', error),
      })
      this.#stations.set(fanout, station)
    }
    return station
  }

  /** The last member of a group here waits for what the server has already chosen it for. */
  #leaveGently(subscription: MemorySubscription, fanout: Fanout): void {
    const drain = subscription.drain.bind(subscription)
    subscription.drain = async (options) => {
      const timeoutMs = duration('timeoutMs', options?.timeoutMs, defaultTimeoutMs)
      const since = this.#clock.now()
      const station = this.#stations.get(fanout)
      const isLast = [...fanout.groups.values()].every((group) => group.size === 1)
      if (station !== undefined && isLast && !subscription.closed)
        await this.#within(timeoutMs, station.leave(this.#watch.up))
      return drain({ timeoutMs: Math.max(0, timeoutMs - (this.#clock.now() - since)) })
    }
  }

  #retired(fanout: Fanout): void {
    this.#stations.get(fanout)?.close()
    this.#stations.delete(fanout)
  }

  #refused(station: Station, error: Error): void {
    const { fanout, group } = station
    this.#watch.note(error)
    const subscription = { id: 'nats', pattern: fanout.pattern, ...(group === undefined ? {} : { group }) }
    const text = `The server refuses the subscription to "${fanout.pattern}": ${error.message}. It has ended.`
    for (const owner of fanout.owners()) owner.end('closed', false)
    this.#live.observers.warn({ code: 'subscription-refused', text, subscription })
  }

  #serverError(error: Error): void {
    const { operation, subject } = error as { operation?: unknown; subject?: unknown }
    if (operation !== 'publish') return
    const text = `The server refuses messages for "${String(subject)}": ${error.message}. They are lost.`
    const subscription = { id: 'nats', pattern: String(subject) }
    this.#live.observers.warn({ code: 'publish-refused', text, subscription })
  }

  #down(): void {
    const unconfirmed = this.#sender.down()
    this.#report(unconfirmed)
    if (unconfirmed > 0) {
      const why = `${unconfirmed} messages had been handed over that the server had not confirmed: they may be lost.`
      this.#warn(`The connection to ${this.health().server} was lost. ${why}`)
    }
  }

  #up(): void {
    this.#sender.up()
    this.#report(0)
    if (this.#live.inhabited)
      this.#warn(
        `The connection to ${this.health().server} is back. What was published meanwhile is missing.`,
      )
  }

  /** Nothing will ever come or go any more. What is pending may be read, at leisure, and then its subscription ends. */
  #connectionEnded(): void {
    this.#report(this.#sender.connectionEnded())
    for (const { fanout } of [...this.#stations.values()]) {
      for (const owner of fanout.owners()) void owner.drain({ timeoutMs: Number.POSITIVE_INFINITY })
    }
  }

  #report(unconfirmed: number): void {
    const health = this.health()
    this.#live.observers.emit('connection', unconfirmed === 0 ? health : { ...health, unconfirmed })
  }

  #warn(text: string): void {
    this.#live.observers.warn({ code: 'connection-lost', text, subscription: { id: 'nats', pattern: '>' } })
  }

  async #drain(timeoutMs: number): Promise<DrainReport> {
    this.#gate.close()
    const before = this.#sender.counts
    const first = (): Promise<unknown> => {
      const leaving = [...this.#stations.values()].map((station) => station.leave(this.#watch.up))
      const sent = before.waiting > 0 ? this.#sender.flush(timeoutMs).catch(noop) : undefined
      return Promise.race([Promise.all([sent, ...leaving]), this.#closing])
    }
    const report = await this.#live.drain({ timeoutMs }, first)
    await this.close()
    const { failed, unknown } = this.#sender.counts
    const sent = failed === before.failed && unknown === before.unknown
    return { ...report, complete: report.complete && sent }
  }

  async #close(): Promise<void> {
    this.#gate.close()
    this.#beginClosing()
    await this.#live.close()
    await this.#sender.end(lastWordMs)
    this.#watch.stop()
  }

  /** Waits for a promise, but not longer than that. */
  async #within(timeoutMs: number, promise: Promise<void>): Promise<void> {
    let cancel = noop
    const late = new Promise<void>((resolve) => {
      cancel = this.#clock.schedule(resolve, timeoutMs)
    })
    await Promise.race([promise, late])
    cancel()
  }
}

function noop(): void {}
