import { checkRequired, makeCapabilities } from '../../core/capabilities.ts'
import { systemClock } from '../../core/clock.ts'
import type {
  Capabilities,
  DrainOptions,
  DrainReport,
  Handler,
  HandlerOptions,
  HandlerSubscription,
  PublishOptions,
  Subscription,
} from '../../core/contract.ts'
import { BrokerClosedError } from '../../core/errors.ts'
import type { Health } from '../../core/health.ts'
import { InProcessBroker } from '../../core/in-process-broker.ts'
import type { Observer } from '../../core/observer.ts'
import type { Position } from '../../core/position.ts'
import { defaultTimeoutMs, duration } from '../../core/settings.ts'
import { checkTopic } from '../../core/topic.ts'
import { PublishUnconfirmedError } from '../../remote/errors.ts'
import { Wire } from '../../remote/wire.ts'
import { JetStreamApi } from './api.ts'
import type {
  JetStreamBrokerOptions,
  JetStreamCapability,
  JetStreamGroupStatus,
  JetStreamLedger,
  JetStreamPublisher,
  JetStreamReceipt,
  JetStreamStatus,
} from './contract.ts'
import { Courier } from './courier.ts'
import { type GroupOptions, Groups } from './groups.ts'
import { Link } from './link.ts'
import { Publisher, type PublishSettings } from './publisher.ts'
import { openReader } from './readers.ts'
import { Streams } from './streams.ts'

/** What it promises. */
export const jetStreamCapabilities: Capabilities<JetStreamCapability> = makeCapabilities({
  broker: 'jetstream',
  provides: [
    'durable',
    'replay',
    'acks',
    'groups',
    'wildcards',
    'order',
    'nak-delay',
    'attempts',
    'dedupe',
    'remote',
    'reconnect',
    'written',
  ],
  delivery: 'at-most-once',
  overflow: [],
})

/** How long the end waits for what the server has not confirmed. */
const farewellMs = 2_000

/** How long publishes wait for the consumer of a new subscription. One stream that is ill must not stop the others. */
const holdMs = 5_000

/** The broker of `createJetStreamBroker`. */
export class StreamBroker {
  readonly capabilities: Capabilities<JetStreamCapability> = jetStreamCapabilities
  readonly #host: InProcessBroker
  readonly #link: Link
  readonly #api: JetStreamApi
  readonly #streams: Streams
  readonly #wire: Wire
  readonly #publisher: Publisher
  /** Tells the server what became of deliveries. */
  readonly #settlements: Courier
  readonly #groups: Groups
  /** Subscriptions that the server does not know yet. None of them rejects. */
  readonly #opening = new Set<Promise<void>>()
  #refuses = false
  #closed: Promise<void> | undefined
  #drained: Promise<DrainReport> | undefined

  private constructor(
    host: InProcessBroker,
    api: JetStreamApi,
    streams: Streams,
    options: JetStreamBrokerOptions,
    settings: PublishSettings,
  ) {
    this.#host = host
    this.#link = api.link
    this.#api = api
    this.#streams = streams
    this.#wire = new Wire(options.codec)
    this.#publisher = new Publisher(api, this.#wire, options.schemas, settings)
    this.#settlements = new Courier(api.link, settings.resendAfterMs)
    this.#groups = new Groups(host, {
      api,
      streams,
      link: api.link,
      wire: this.#wire,
      courier: this.#settlements,
      keyFailed: (error) => host.observers.reportFailure('orderingKey', error),
    })
  }

  /** Options have been checked. */
  static async open(options: JetStreamBrokerOptions, settings: PublishSettings): Promise<StreamBroker> {
    const clock = options.clock ?? systemClock
    checkRequired(jetStreamCapabilities, options.requires)
    const { domain, observer } = options
    const host = new InProcessBroker({ clock, ...(observer === undefined ? {} : { observer }) })
    const link = new Link(options.connection, clock, () => {
      host.observers.emit('connection', link.health())
    })
    try {
      const api = await JetStreamApi.open(link, domain)
      const streams = await Streams.open(api, options.streams, settings.deadlineMs)
      return new StreamBroker(host, api, streams, options, settings)
    } catch (error) {
      link.stop()
      throw error
    }
  }

  publish(topic: string, payload: unknown, options?: PublishOptions): Promise<JetStreamReceipt> {
    return this.#publisher.publish(topic, payload, options)
  }

  topic(name: string): JetStreamPublisher<unknown> {
    checkTopic(name)
    return { topic: name, publish: (payload, options) => this.#publisher.publish(name, payload, options) }
  }

  subscribe(
    pattern: string,
    handlerOrOptions?: Handler | HandlerOptions,
    handlerOptions?: HandlerOptions,
  ): Subscription | HandlerSubscription {
    const handler = typeof handlerOrOptions === 'function' ? handlerOrOptions : undefined
    const options = (typeof handlerOrOptions === 'function' ? handlerOptions : handlerOrOptions) ?? {}
    if (this.#refuses) throw new BrokerClosedError('subscribe')
    const { opened, subscription } =
      options.group === undefined
        ? openReader(this.#host, this.#readerParts(), pattern, handler, options)
        : this.#groups.join(pattern, handler, options as GroupOptions)
    this.#publisher.hold(this.#within(holdMs, opened))
    this.#opening.add(opened)
    void opened.then(() => this.#opening.delete(opened))
    return subscription
  }

  health(): Health {
    return this.#link.health()
  }

  async flush(options?: DrainOptions): Promise<void> {
    const timeoutMs = duration('timeoutMs', options?.timeoutMs, defaultTimeoutMs)
    const all = Promise.all([this.#publisher.settled(), ...this.#opening])
    if (!(await this.#within(timeoutMs, all))) throw new PublishUnconfirmedError('>', timeoutMs)
  }

  observe(observer: Observer): Disposable {
    return this.#host.observe(observer)
  }

  ledger(): JetStreamLedger {
    const transport = this.#publisher.books.counts
    const { sent: published, failed: unrouted } = transport
    const groups = this.#groups.ledgers()
    return { ...this.#host.ledger(), published, routed: published - unrouted, unrouted, groups, transport }
  }

  streams(): Promise<readonly JetStreamStatus[]> {
    return this.#streams.statuses()
  }

  groups(): Promise<readonly JetStreamGroupStatus[]> {
    return this.#groups.list()
  }

  seekGroup(name: string, pattern: string, position: Position): Promise<void> {
    return this.#groups.seek(name, pattern, position)
  }

  removeGroup(name: string, pattern: string): Promise<void> {
    return this.#groups.remove(name, pattern)
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
    const { clock } = this.#host
    const since = clock.now()
    const left = (): number => Math.max(0, timeoutMs - (clock.now() - since))
    this.#refuse()
    // What handlers finish meanwhile is read on: publishing and reading end side by side.
    const [sent, report] = await Promise.all([
      this.#within(left(), this.#publisher.settled()),
      this.#host.drain({ timeoutMs: left() }),
    ])
    const settled = await this.#within(left(), this.#settlements.empty())
    await this.close()
    return { ...report, complete: report.complete && sent && settled, durationMs: clock.now() - since }
  }

  async #close(): Promise<void> {
    this.#refuse()
    this.#publisher.close()
    await this.#host.close()
    if (this.#link.up) {
      await this.#within(farewellMs, Promise.all([this.#settlements.empty(), this.#goodbye()]))
    }
    this.#settlements.close()
    this.#link.stop()
  }

  /** What has been given back shall be with the server when the broker has ended. */
  async #goodbye(): Promise<void> {
    await this.#link.wound()
    await this.#link.connection.flush().catch((error: unknown) => this.#link.note(error))
  }

  #refuse(): void {
    this.#refuses = true
    this.#publisher.refuse()
  }

  /** Whether it was done in time. */
  #within(ms: number, done: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#host.clock.schedule(() => resolve(false), ms)
      void done.then(() => {
        cancel()
        resolve(true)
      })
    })
  }

  #readerParts(): Omit<Parameters<typeof openReader>[1], never> {
    const { observers } = this.#host
    return {
      api: this.#api,
      streams: this.#streams,
      wire: this.#wire,
      recreated: (stream, pattern) => {
        const text = `The consumer of a reader of stream "${stream}" was gone: a new one goes on where it was.`
        observers.warn({ code: 'consumer-deleted', text, subscription: { id: stream, pattern } })
      },
    }
  }
}
