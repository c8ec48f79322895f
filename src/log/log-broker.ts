import { checkRequired, makeCapabilities } from '../core/capabilities.ts'
import { systemClock } from '../core/clock.ts'
import type {
  Capabilities,
  DrainOptions,
  DrainReport,
  Handler,
  HandlerOptions,
  HandlerSubscription,
  PublishOptions,
  Subscription,
} from '../core/contract.ts'
import { BrokerClosedError, InvalidOptionError } from '../core/errors.ts'
import type { AnyEvents } from '../core/event-map.ts'
import { InProcessBroker } from '../core/in-process-broker.ts'
import { MessageFactory } from '../core/memory-message.ts'
import type { Observer } from '../core/observer.ts'
import { SchemaTable, validate } from '../core/schema.ts'
import { defaultTimeoutMs, duration, overflowPolicies } from '../core/settings.ts'
import { checkPublishOptions, Validations } from '../core/validations.ts'
import type {
  LogBroker,
  LogBrokerOptions,
  LogCapability,
  LogLedger,
  LogPublisher,
  LogReceipt,
  LogTopic,
} from './contract.ts'
import type { LogRecord } from './log-record.ts'
import { LogStore } from './log-store.ts'
import { openReader } from './open-reader.ts'
import type { TopicLog } from './topic-log.ts'

const capabilities: Capabilities<LogCapability> = makeCapabilities({
  broker: 'log',
  provides: ['replay', 'groups', 'wildcards', 'order'],
  delivery: 'at-most-once',
  overflow: overflowPolicies,
})

/**
 * Makes a broker inside this process that remembers the latest messages of each topic. A subscription with `from` reads
 * them first and then what comes; one without is that of `createBroker`. Nothing survives the end of the process.
 *
 * @example
 * const broker = createLogBroker<{ 'orders.created': { id: number } }>({ retention: { count: 1000 } })
 * await broker.publish('orders.created', { id: 1 })
 * for await (const { offset, payload } of broker.subscribe('orders.*', { from: 'start' })) console.log(offset, payload.id)
 */
export function createLogBroker<E extends object = AnyEvents>(options: LogBrokerOptions = {}): LogBroker<E> {
  // The implementation is untyped inside; the map of topics to payloads lives in the interface alone.
  return new InMemoryLog(options) as unknown as LogBroker<E>
}

class InMemoryLog {
  readonly capabilities: Capabilities<LogCapability> = capabilities
  readonly #live: InProcessBroker
  readonly #store: LogStore
  readonly #messages: MessageFactory
  readonly #schemas: SchemaTable | undefined
  readonly #validations = new Validations()
  #refuses = false
  #drained: Promise<DrainReport> | undefined

  constructor(options: LogBrokerOptions) {
    checkRequired(capabilities, options.requires)
    const clock = options.clock ?? systemClock
    const { observer, schemas } = options
    this.#store = new LogStore(options, clock)
    this.#schemas = schemas === undefined ? undefined : new SchemaTable(schemas)
    this.#messages = new MessageFactory(clock)
    this.#live = new InProcessBroker(observer === undefined ? { clock } : { clock, observer })
  }

  publish(topic: string, payload: unknown, options?: PublishOptions): Promise<LogReceipt> {
    try {
      return this.#publish(this.#log(topic), payload, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  topic(name: string): LogPublisher<unknown> {
    const log = this.#log(name)
    return {
      topic: name,
      publish: (payload, options) => {
        try {
          return this.#publish(log, payload, options)
        } catch (error) {
          return Promise.reject(error)
        }
      },
      append: (payload) => this.#appendOnly(log, payload),
    }
  }

  topics(): readonly LogTopic[] {
    return this.#store.topics()
  }

  observe(observer: Observer): Disposable {
    return this.#live.observe(observer)
  }

  subscribe(
    pattern: string,
    handlerOrOptions?: Handler | HandlerOptions,
    handlerOptions?: HandlerOptions,
  ): Subscription | HandlerSubscription {
    const handler = typeof handlerOrOptions === 'function' ? handlerOrOptions : undefined
    const options = typeof handlerOrOptions === 'function' ? handlerOptions : handlerOrOptions
    if (options?.from === undefined) return this.#live.subscribe(pattern, handlerOrOptions, handlerOptions)
    if (this.#refuses) throw new BrokerClosedError('subscribe')
    return openReader(this.#live, this.#store, pattern, handler, { ...options, from: options.from })
  }

  ledger(): LogLedger {
    const log = this.#store.counts()
    // The log takes every message, so none is unrouted.
    const flow = { published: log.appended, routed: log.appended, unrouted: 0 }
    return { ...this.#live.ledger(), ...flow, log }
  }

  drain(options?: DrainOptions): Promise<DrainReport> {
    try {
      duration('timeoutMs', options?.timeoutMs, defaultTimeoutMs)
      this.#refuse()
      this.#drained ??= this.#live.drain(options).finally(() => this.#store.stop())
      return this.#drained
    } catch (error) {
      return Promise.reject(error)
    }
  }

  close(): Promise<void> {
    this.#refuse()
    this.#store.stop()
    return this.#live.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  /** The log of a topic that may be published to now. Throws `InvalidTopicError` and `BrokerClosedError`. */
  #log(topic: string): TopicLog {
    if (this.#refuses) throw new BrokerClosedError('publish')
    return this.#store.topic(topic)
  }

  #publish(log: TopicLog, payload: unknown, options: PublishOptions | undefined): Promise<LogReceipt> {
    if (this.#refuses) throw new BrokerClosedError('publish')
    if (options !== undefined) {
      checkPublishOptions(options)
      if (options.signal?.aborted === true) return Promise.reject(options.signal.reason)
    }
    const schema = this.#schemas?.find(log.topic)
    if (schema === undefined) return this.#send(log, payload, options)
    return this.#validations.run(schema, log.topic, payload, options?.signal, (valid) => {
      if (this.#refuses) throw new BrokerClosedError('publish')
      return this.#send(log, valid, options)
    })
  }

  #send(log: TopicLog, payload: unknown, options: PublishOptions | undefined): Promise<LogReceipt> {
    const record = this.#append(log, payload, options)
    const receipt = { level: 'accepted', routed: true, offset: record.offset, seq: record.seq } as const
    const waiting = this.#live.inhabited ? this.#live.relay(record, options) : undefined
    return waiting === undefined ? Promise.resolve(receipt) : waiting.then(() => receipt)
  }

  #append(log: TopicLog, payload: unknown, options: PublishOptions | undefined): LogRecord {
    const stamp = options === undefined ? this.#messages.stamp() : this.#messages.stampWith(options.headers)
    return this.#store.append(log, payload, stamp, options?.id)
  }

  #appendOnly(log: TopicLog, payload: unknown): number {
    if (this.#refuses) throw new BrokerClosedError('append')
    const schema = this.#schemas?.find(log.topic)
    const valid = schema === undefined ? payload : validate(schema, log.topic, payload)
    if (valid instanceof Promise) {
      valid.catch(noop) // whatever it says comes too late
      throw new InvalidOptionError(
        'schemas',
        log.topic,
        'append cannot wait for an asynchronous schema: publish.',
      )
    }
    const record = this.#append(log, valid, undefined)
    if (this.#live.inhabited) this.#live.relay(record)?.catch(noop) // nobody asked to hear of it
    return record.offset
  }

  #refuse(): void {
    if (this.#refuses) return
    this.#refuses = true
    this.#validations.end(() => new BrokerClosedError('publish'))
  }
}

function noop(): void {}
