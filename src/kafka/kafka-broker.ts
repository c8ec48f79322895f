import { SignalRegistry } from '../core/abort.ts'
import { checkRequired, makeCapabilities } from '../core/capabilities.ts'
import type {
  Capabilities,
  DrainOptions,
  DrainReport,
  Handler,
  HandlerSubscription,
  Subscription,
} from '../core/contract.ts'
import { BrokerClosedError } from '../core/errors.ts'
import type { Health } from '../core/health.ts'
import { type MailboxLedger, sumCounts } from '../core/ledger.ts'
import { EndedCounts } from '../core/mailbox.ts'
import type { Observer } from '../core/observer.ts'
import { Observers } from '../core/observers.ts'
import type { Position } from '../core/position.ts'
import { Reports } from '../core/reports.ts'
import { defaultTimeoutMs, duration } from '../core/settings.ts'
import { checkTopic } from '../core/topic.ts'
import type { LogReading, ReaderPlace } from '../log/reader-place.ts'
import { Wire } from '../remote/wire.ts'
import { confluentDriver } from './confluent-driver.ts'
import type {
  KafkaBrokerOptions,
  KafkaCapability,
  KafkaEngine,
  KafkaGroupStatus,
  KafkaLedger,
  KafkaPublisher,
  KafkaPublishOptions,
  KafkaReceipt,
} from './contract.ts'
import type { Deps } from './deps.ts'
import { GroupAdmin } from './group-admin.ts'
import { Groups, type JoinOptions } from './groups.ts'
import { HealthWatch } from './health-watch.ts'
import { kafkajsDriver } from './kafkajs-driver.ts'
import { kafkaSettings } from './options.ts'
import { Publisher } from './publisher.ts'
import { Readers, type ReadOptions } from './readers.ts'
import { checkKafkaTopic, TopicWatch } from './topic-watch.ts'
import { endMs, within } from './within.ts'

/** What it promises. */
export const kafkaCapabilities: Capabilities<KafkaCapability> = makeCapabilities({
  broker: 'kafka',
  provides: [
    'durable',
    'replay',
    'acks',
    'groups',
    'wildcards',
    'keys',
    'key-order',
    'nak-delay',
    'remote',
    'reconnect',
    'written',
  ],
  delivery: 'at-least-once',
  overflow: [],
})

/** The broker of `createKafkaBroker`, untyped. */
export class KafkaOwnBroker {
  readonly capabilities: Capabilities<KafkaCapability> = kafkaCapabilities
  readonly engine: KafkaEngine
  readonly #deps: Deps
  readonly #health: HealthWatch
  readonly #publisher: Publisher
  readonly #groups: Groups
  readonly #groupAdmin: GroupAdmin
  readonly #readers: Readers
  readonly #readings = new Set<LogReading>()
  readonly #ended = new EndedCounts()
  readonly #host: ReaderPlace['host']
  /** Subscriptions that do not know yet where they begin: what is published meanwhile waits, so that they get it. */
  readonly #placing = new Set<Promise<void>>()
  #subscriptions = 0
  #open = true
  #drained: Promise<DrainReport> | undefined
  #closed: Promise<void> | undefined

  constructor(options: KafkaBrokerOptions) {
    checkRequired(kafkaCapabilities, options.requires)
    const settings = kafkaSettings(options)
    const { clock, engine } = settings
    const observers = new Observers(() => undefined)
    if (options.observer !== undefined) observers.add(options.observer)
    this.engine = engine
    this.#host = { clock, observers, reports: new Reports(), signals: new SignalRegistry() }
    this.#health = new HealthWatch(clock, observers)
    const driver = engine === 'kafkajs' ? kafkajsDriver(options.kafka) : confluentDriver(options.kafka)
    const admin = driver.admin()
    const up = (): void => this.#health.up()
    const down = (error: unknown): void => {
      this.#health.down(error)
      topics.suspect()
    }
    const topics: TopicWatch = new TopicWatch(admin, clock, settings.topics, { up, down })
    const wire = new Wire(options.codec)
    // A client in trouble may be the only one, or come back: the next question to the server decides.
    const trouble = (): void => topics.suspect()
    this.#deps = { driver, admin, topics, clock, observers, wire, settings, trouble }
    const nonce = makeNonce()
    const hold = (): Promise<void> | undefined => this.#hold()
    this.#publisher = new Publisher(this.#deps, options, { hold, up, down })
    const next = (): number => ++this.#subscriptions
    const placing = (finding: Promise<void>): void => this.#await(finding)
    this.#groups = new Groups(this.#deps, (pattern, group) => this.#place(pattern, group), next, placing)
    this.#groupAdmin = new GroupAdmin(this.#deps, this.#groups)
    this.#readers = new Readers(this.#deps, nonce, (pattern) => this.#place(pattern), next, placing)
  }

  publish(topic: string, payload: unknown, options?: KafkaPublishOptions): Promise<KafkaReceipt> {
    return this.#publisher.publish(topic, payload, options)
  }

  topic(name: string): KafkaPublisher<unknown> {
    checkTopic(name)
    checkKafkaTopic(name)
    return { topic: name, publish: (payload, options) => this.publish(name, payload, options) }
  }

  subscribe(
    pattern: string,
    handlerOrOptions?: Handler | ReadOptions,
    handlerOptions?: ReadOptions,
  ): Subscription | HandlerSubscription {
    const handler = typeof handlerOrOptions === 'function' ? handlerOrOptions : undefined
    const options = (typeof handlerOrOptions === 'function' ? handlerOptions : handlerOrOptions) ?? {}
    if (!this.#open) throw new BrokerClosedError('subscribe')
    const subscription =
      options.group === undefined
        ? this.#readers.open(pattern, handler, options)
        : this.#groups.join(pattern, handler, options as JoinOptions)
    const { observers } = this.#deps
    if (observers.wants('subscribed')) {
      const { group, name } = subscription
      observers.emit('subscribed', { subscription: group === undefined ? name : { ...name, group } })
    }
    return subscription
  }

  observe(observer: Observer): Disposable {
    return this.#deps.observers.add(observer)
  }

  ready(): Promise<void> {
    return this.#hold() ?? Promise.resolve()
  }

  ledger(): KafkaLedger {
    const mailboxes = this.#mailboxes()
    const ended = this.#ended.snapshot()
    const transport = this.#publisher.books.counts
    return {
      published: transport.sent,
      // The log takes every message, so none is unrouted.
      routed: transport.sent,
      unrouted: 0,
      copies: sumCounts([...mailboxes, ended]).routed,
      mailboxes,
      ended,
      groups: this.#groups.ledgers(),
      transport,
    }
  }

  health(): Health {
    return this.#health.health
  }

  groups(): Promise<readonly KafkaGroupStatus[]> {
    return this.#groupAdmin.list()
  }

  seekGroup(name: string, pattern: string, position: Position): Promise<void> {
    return this.#groupAdmin.seek(name, pattern, position)
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

  async #drain(timeoutMs: number): Promise<DrainReport> {
    const { clock, observers } = this.#deps
    const since = clock.now()
    const before = this.#delivered()
    const lost = this.#ended.snapshot().dropped.closed
    if (this.#open) observers.emit('draining', {})
    this.#open = false
    this.#publisher.refuse()
    await this.#publisher.flush(timeoutMs)
    let inTime = true
    const cancel = clock.schedule(
      () => {
        inTime = false
        for (const reading of [...this.#readings]) reading.end('closed', true)
      },
      Math.max(0, timeoutMs - (clock.now() - since)),
    )
    const forEver = { timeoutMs: Number.POSITIVE_INFINITY }
    await Promise.all([...this.#readings].map((reading) => reading.drain(forEver)))
    cancel()
    await this.close()
    return {
      complete: inTime && this.#publisher.books.counts.waiting === 0,
      delivered: this.#delivered() - before,
      dropped: this.#ended.snapshot().dropped.closed - lost,
      durationMs: clock.now() - since,
    }
  }

  async #close(): Promise<void> {
    this.#open = false
    this.#publisher.refuse()
    for (const reading of [...this.#readings]) reading.end('closed', true)
    await Promise.all([this.#groups.end(), this.#readers.left(), this.#publisher.close()])
    this.#deps.topics.close()
    await within(this.#deps.clock, this.#deps.admin.close(), endMs)
    this.#health.close()
    this.#deps.observers.emit('ended', {})
  }

  #place(pattern: string, group?: string): ReaderPlace {
    return {
      pattern,
      group,
      host: this.#host,
      readers: this.#readings,
      ended: (counts) => this.#ended.add(counts),
    }
  }

  #mailboxes(): readonly MailboxLedger[] {
    return [...this.#readings].map((reading) => reading.ledger())
  }

  #delivered(): number {
    return sumCounts([...this.#mailboxes(), this.#ended.snapshot()]).delivered
  }

  #await(finding: Promise<void>): void {
    this.#placing.add(finding)
    void finding.then(() => this.#placing.delete(finding))
  }

  #hold(): Promise<void> | undefined {
    if (this.#placing.size === 0) return undefined
    return Promise.all(this.#placing).then(() => undefined)
  }
}

/** Names this broker's readers among all others. */
function makeNonce(): string {
  return globalThis.crypto.randomUUID().replaceAll('-', '').slice(0, 20)
}
