import type { Clock } from '../core/clock.ts'
import type {
  Broker,
  Capabilities,
  Handler,
  HandlerOptions,
  HandlerSubscription,
  PublishOptions,
  Receipt,
  SubscribeOptions,
  Subscription,
} from '../core/contract.ts'
import type { AnyEvents, MessageOf, PayloadOf, TopicOf, ValidPattern } from '../core/event-map.ts'
import type { Ledger, LogCounts } from '../core/ledger.ts'
import type { Message } from '../core/message.ts'
import type { Observer } from '../core/observer.ts'
import type { PayloadSchema } from '../core/schema.ts'

/** What retention keeps of each topic, the newest records first; a limit that is left out does not limit. */
export interface Retention {
  /** At most so many records; a whole number from 1, or `Infinity`. */
  readonly count?: number
  /** At most so many bytes, by `sizeOf`. The newest record stays, however large it is. */
  readonly bytes?: number
  /**
   * Records are kept so long, in milliseconds, and at most a sixteenth longer. Only time that passes counts: setting
   * the clock back neither removes records nor keeps them longer.
   */
  readonly ageMs?: number
}

/** What the broker of `createLogBroker` provides. */
export type LogCapability = 'replay' | 'groups' | 'wildcards' | 'order'

export interface LogBrokerOptions {
  /** Refuses to start unless the broker provides these. @defaultValue none */
  readonly requires?: readonly LogCapability[]
  /**
   * One rule for each topic, or rules by topic or pattern: the topic's own wins, then the first pattern that matches.
   * A topic without a rule has the default. @defaultValue `{ count: 16384 }`
   */
  readonly retention?: Retention | Readonly<Record<string, Retention>>
  /**
   * Bytes of one message, a finite number ≥ 0; goes together with a limit on `bytes`. What it throws rejects the publish,
   * and nothing is appended.
   */
  readonly sizeOf?: (message: LogMessage) => number
  /** Validates payloads at publish: a Standard Schema per topic or pattern; the topic's own wins. Costs the validation. */
  readonly schemas?: Readonly<Record<string, PayloadSchema>>
  /** Hears of everything from the first event on. */
  readonly observer?: Observer
  /** Where time comes from. @defaultValue the clock of the machine */
  readonly clock?: Clock
}

/** A record of a log. */
export interface LogMessage<Payload = unknown, Topic extends string = string> extends Message<
  Payload,
  Topic
> {
  /** Its number in its topic, from 0, without gaps. */
  readonly offset: number
  /** Its number in the log, across all topics, from 0. */
  readonly seq: number
}

/** What an awaited publish to a log achieved, and where the message is. */
export interface LogReceipt extends Receipt {
  /** The log takes every message. */
  readonly routed: true
  readonly offset: number
  readonly seq: number
}

/** One topic of a log: it holds the offsets from `first` up to but without `next`. */
export interface LogTopic {
  readonly topic: string
  readonly first: number
  readonly next: number
}

export interface LogLedger extends Ledger {
  readonly log: LogCounts & {
    /** Of what is retained, by `sizeOf`, in topics with a limit on bytes. */
    readonly bytes: number
  }
}

/** A publisher bound to one topic. */
export interface LogPublisher<Payload> {
  readonly topic: string
  publish(payload: Payload, options?: PublishOptions): Promise<LogReceipt>
  /**
   * Appends without a promise and returns the offset. Nothing waits for full `block` mailboxes or hears of full `fail`
   * mailboxes. Throws what `publish` would reject with, and `InvalidOptionError` for a topic whose schema is asynchronous.
   */
  append(payload: Payload): number
}

/** A broker that remembers the latest messages of each topic, so that subscriptions may begin in the past. */
export interface LogBroker<E extends object = AnyEvents> extends Broker<E> {
  readonly capabilities: Capabilities<LogCapability>
  /**
   * Resolves when the message is in the log and every live mailbox took its copy or its policy decided. A message in the
   * log stays there, also when a `block` or `fail` mailbox makes the publish reject.
   */
  publish<T extends TopicOf<E>>(
    topic: T,
    payload: PayloadOf<E, T>,
    options?: PublishOptions,
  ): Promise<LogReceipt>
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    options?: SubscribeOptions<MessageOf<E, P>>,
  ): Subscription<MessageOf<E, P> & LogMessage>
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    handler: Handler<MessageOf<E, P> & LogMessage>,
    options?: HandlerOptions<MessageOf<E, P>>,
  ): HandlerSubscription
  /** A publisher bound to one topic. */
  topic<T extends TopicOf<E>>(topic: T): LogPublisher<PayloadOf<E, T>>
  /** The topics that have been published to. */
  topics(): readonly LogTopic[]
  /** Adds an observer; dispose to remove it. */
  observe(observer: Observer): Disposable
  ledger(): LogLedger
}
