import { randomBytes } from 'node:crypto'
import type {
  Broker,
  HandlerOptions,
  HandlerSubscription,
  PublishOptions,
  Receipt,
  SubscribeOptions,
  Subscription,
  SubscriptionBase,
} from '../core/contract.ts'
import { type Delivery, isDelivery } from '../core/delivery.ts'
import type { Message } from '../core/message.ts'
import type { BrokerEvents, Observer } from '../core/observer.ts'
import type { Position } from '../core/position.ts'
import type { OpenOptions, Transport } from './contract.ts'
import { ConformanceError } from './errors.ts'
import { Heard } from './heard.ts'
import { until, within } from './wait.ts'

/** What the kit asks of a group whose deliveries are settled. */
export interface WorkOptions {
  readonly group: string
  readonly from?: Position
  readonly ackDeadlineMs?: number
  readonly maxInFlight?: number
  readonly orderingKey?: (message: Message) => string | undefined
  readonly signal?: AbortSignal
}

type Options = SubscribeOptions | WorkOptions

/** An event that a broker has reported. */
export type Reported = {
  [Name in keyof BrokerEvents]: { readonly kind: Name; readonly event: BrokerEvents[Name] }
}[keyof BrokerEvents]

/** One that the kit has opened, with what it was heard to report. */
export interface Opened {
  readonly broker: Broker
  readonly reports: Reported[]
}

/** A subscription that the kit has made, and what shows whether it still delivers. */
interface Made {
  readonly subscription: SubscriptionBase
  readonly reader: Subscription | undefined
  readonly calls: { count: number }
}

/**
 * What one scenario works with: brokers of a transport, topics of its own, and patience. It remembers everything, so
 * that the audit can look at it afterwards.
 */
export class World {
  readonly transport: Transport
  readonly deadlineMs: number
  readonly opened: Opened[] = []
  readonly made: Made[] = []
  /** Looked at when everything has ended: what must still hold then. */
  readonly atEnd: (() => void)[] = []
  readonly #id = randomBytes(4).toString('hex')

  constructor(transport: Transport) {
    this.transport = transport
    this.deadlineMs = transport.pace?.deadlineMs ?? 5000
  }

  /** Whether copies are decided in this process, before `publish` resolves. */
  get local(): boolean {
    return !this.transport.capabilities.provides.includes('remote')
  }

  /** So many messages, as the pace of the transport has it. */
  volume(count: number): number {
    return Math.max(1, Math.round(count * (this.transport.pace?.volume ?? 1)))
  }

  /** So long a deadline or delay, as the pace of the transport has it, in milliseconds. */
  stretch(ms: number): number {
    return ms * (this.transport.pace?.stretch ?? 1)
  }

  async open(options: OpenOptions = {}): Promise<Broker> {
    return await this.#keep((all) => this.transport.open(all), options)
  }

  /** A second broker beside the first. */
  async another(options: OpenOptions = {}): Promise<Broker> {
    const { transport } = this
    if (transport.another === undefined) throw new ConformanceError('the transport has no second broker')
    return await this.#keep(transport.another.bind(transport), options)
  }

  /** Everything that the broker has reported. */
  reports(broker: Broker): readonly Reported[] {
    return this.opened.find((opened) => opened.broker === broker)?.reports ?? []
  }

  /** A topic that nobody has used before. */
  async topic(name: string): Promise<string> {
    const [topic = ''] = await this.topics([name])
    return topic
  }

  async topics(names: readonly string[]): Promise<string[]> {
    const topics = names.map((name) => this.pattern(name))
    await this.transport.prepare?.(topics)
    return topics
  }

  /** A pattern for topics of this scenario. */
  pattern(name: string): string {
    return `${this.transport.topicPrefix ?? 'conformance'}.${this.#id}.${name}`
  }

  /** The name of a group that nobody has used before. */
  group(name: string): string {
    return `${name}-${this.#id}`
  }

  /** A subscription to be read that hears everything from now on. */
  async read(broker: Broker, pattern: string, options?: Options): Promise<Subscription> {
    const reader = broker.subscribe(pattern, options as SubscribeOptions)
    await this.#made({ subscription: reader, reader, calls: { count: 0 } }, broker)
    return reader
  }

  /** A subscription that calls a handler. */
  async handle(
    broker: Broker,
    pattern: string,
    handler: (message: Message) => unknown,
    options?: HandlerOptions | (WorkOptions & { readonly concurrency?: number }),
  ): Promise<HandlerSubscription> {
    const calls = { count: 0 }
    const counting = (message: Message): unknown => {
      calls.count++
      return handler(message)
    }
    const subscription = broker.subscribe(pattern, counting, options as HandlerOptions)
    await this.#made({ subscription, reader: undefined, calls }, broker)
    return subscription
  }

  /** Hears everything from now on, in an array, settling what has to be settled. */
  async listen(broker: Broker, pattern: string, options?: Options): Promise<Heard> {
    return new Heard(await this.read(broker, pattern, options), this.deadlineMs)
  }

  /** Publishes so that each publish is under way before the next; resolves with all receipts. */
  send(
    broker: Broker,
    topic: string,
    payloads: readonly unknown[],
    options?: (payload: unknown, index: number) => PublishOptions,
  ): Promise<Receipt[]> {
    const all = payloads.map((payload, index) => broker.publish(topic, payload, options?.(payload, index)))
    return this.within(Promise.all(all), `${payloads.length} publishes to ${topic}`)
  }

  /** The next so many messages of a reader. */
  async take(reader: Subscription, count: number): Promise<Message[]> {
    const got: Message[] = []
    const what = (): string => `${count} messages on ${reader.pattern}, after ${got.length} of them`
    while (got.length < count) {
      const { done, value } = await this.within(reader.next(), what)
      if (done === true) throw new ConformanceError(`a subscription ended before ${what()}`)
      got.push(value)
    }
    return got
  }

  /** The next so many deliveries of a member of a group that acknowledges. */
  async takeWork(reader: Subscription, count: number): Promise<Delivery[]> {
    return (await this.take(reader, count)).map((message) => {
      if (isDelivery(message)) return message
      throw new ConformanceError('a message of a group has no ack() although "acks" is declared')
    })
  }

  until(condition: () => boolean, what: string | (() => string)): Promise<void> {
    return until(condition, this.deadlineMs, what)
  }

  within<T>(promise: Promise<T>, what: string | (() => string)): Promise<T> {
    return within(promise, this.deadlineMs, what)
  }

  async #keep(make: (options: OpenOptions) => Promise<Broker>, options: OpenOptions): Promise<Broker> {
    const reports: Reported[] = []
    const opening = make({ ...options, observer: { ...recorder(reports), ...options.observer } })
    const broker = await this.within(opening, `a broker of ${this.transport.name}`)
    this.opened.push({ broker, reports })
    return broker
  }

  async #made(made: Made, broker: Broker): Promise<void> {
    this.made.push(made)
    const ready = this.transport.ready?.(broker, made.subscription)
    if (ready !== undefined) await this.within(ready, `a subscription to ${made.subscription.pattern}`)
  }
}

/**
 * Writes down what a broker reports. Not `dropped`: a broker that is asked for each drop may decide differently from one
 * that is not.
 */
function recorder(reports: Reported[]): Observer {
  return {
    handlerError: (event) => reports.push({ kind: 'handlerError', event }),
    callbackError: (event) => reports.push({ kind: 'callbackError', event }),
    warning: (event) => reports.push({ kind: 'warning', event }),
    connection: (event) => reports.push({ kind: 'connection', event }),
    assignment: (event) => reports.push({ kind: 'assignment', event }),
    closed: (event) => reports.push({ kind: 'closed', event }),
  }
}
