import type { NatsConnection } from '@nats-io/nats-core'
import type { Clock } from '../../core/clock.ts'
import type { PayloadCodec } from '../../core/codec.ts'
import type {
  Broker,
  Capabilities,
  DrainOptions,
  Handler,
  HandlerOptions,
  HandlerSubscription,
  PublishOptions,
  Receipt,
  SubscribeOptions,
  Subscription,
} from '../../core/contract.ts'
import type { Delivery, NakOptions } from '../../core/delivery.ts'
import type { AnyEvents, MessageOf, PayloadOf, TopicOf, ValidPattern } from '../../core/event-map.ts'
import type { Health } from '../../core/health.ts'
import type { GroupLedger, Ledger, TransportCounts } from '../../core/ledger.ts'
import type { Message } from '../../core/message.ts'
import type { Observer } from '../../core/observer.ts'
import type { Position } from '../../core/position.ts'
import type { PayloadSchema } from '../../core/schema.ts'

/**
 * What the broker of `createJetStreamBroker` provides. `synced` is not among them: a server acknowledges before it syncs
 * (every 2 minutes by default), and does not tell its clients when it was told otherwise. `key-order` is not either: the
 * server gives messages of one key to several members at once.
 */
export type JetStreamCapability =
  | 'durable'
  | 'replay'
  | 'acks'
  | 'groups'
  | 'wildcards'
  | 'order'
  | 'nak-delay'
  | 'attempts'
  | 'dedupe'
  | 'remote'
  | 'reconnect'
  | 'written'

/** One stream: which topics it keeps, and how. What is left out is the server's default, and not compared with a stream that is there. */
export interface StreamOptions {
  /** Letters, digits, `-` and `_`. */
  readonly name: string
  /** Patterns of the topics it keeps. No two streams of a server may keep the same topic. */
  readonly topics: readonly string[]
  /** `false`: the stream must be there already. @defaultValue true */
  readonly create?: boolean
  /**
   * `limits`: messages stay until a limit is reached. `work-queue`: until one group has acked them. `interest`: until every
   * group has. @defaultValue 'limits'
   */
  readonly retention?: 'limits' | 'work-queue' | 'interest'
  /** Messages are kept so long, in milliseconds. @defaultValue for ever */
  readonly maxAgeMs?: number
  /** How many bytes, with headers. @defaultValue unlimited */
  readonly maxBytes?: number
  /** How many messages. @defaultValue unlimited */
  readonly maxMessages?: number
  /** The largest message, in bytes. @defaultValue what the server takes */
  readonly maxMessageBytes?: number
  /**
   * What a full stream does: remove the oldest message, or refuse the new one with `PublishRejectedError`. Work queues must
   * refuse: a server with `old` would acknowledge messages and then remove them before any group had them.
   * @defaultValue 'old' with `limits`, else 'new'
   */
  readonly discard?: 'old' | 'new'
  /** @defaultValue 'file' */
  readonly storage?: 'file' | 'memory'
  /** How many servers of a cluster keep it. @defaultValue 1 */
  readonly replicas?: number
  /** How long the server knows an id, in milliseconds; at least `publishDeadlineMs`. @defaultValue 120000 */
  readonly duplicateWindowMs?: number
}

export interface JetStreamBrokerOptions {
  /** Yours: the broker never closes it. See `connectNats` for options that outlive a server. */
  readonly connection: NatsConnection
  /** The streams this broker uses: made when they are missing, compared when they are there. */
  readonly streams: readonly StreamOptions[]
  /** Refuses to start unless the broker provides these. @defaultValue none */
  readonly requires?: readonly JetStreamCapability[]
  /** Validates payloads at publish: a Standard Schema per topic or pattern; the topic's own wins. Costs the validation. */
  readonly schemas?: Readonly<Record<string, PayloadSchema>>
  /** Replaces JSON. */
  readonly codec?: PayloadCodec
  /** Hears of everything from the first event on. */
  readonly observer?: Observer
  /** Where time comes from. @defaultValue the clock of the machine */
  readonly clock?: Clock
  /** How long a publish is repeated until the server has acknowledged it, in milliseconds. @defaultValue 30000 */
  readonly publishDeadlineMs?: number
  /** How long to wait for an answer before a message is sent again, with the same id, in milliseconds. @defaultValue 5000 */
  readonly resendAfterMs?: number
  /** How much may be with the server, unacknowledged. More waits for its turn, within the deadline. */
  readonly window?: {
    /** @defaultValue 256. With 1 nothing can overtake a message that the leader of a cluster did not get. */
    readonly messages?: number
    /** @defaultValue 8388608 */
    readonly bytes?: number
    /** How many bytes may wait for their turn; more is refused with `PublishOverloadedError`. @defaultValue 67108864 */
    readonly waitingBytes?: number
  }
  /** The domain of JetStream, where the server has one. @defaultValue none */
  readonly domain?: string
}

/** What an awaited publish achieved, and where the message is. */
export interface JetStreamReceipt extends Receipt {
  /** The server has it, in the memory of its system at least. It may not survive the loss of power. */
  readonly level: 'written'
  readonly routed: true
  readonly stream: string
  /** Its number in its stream, from 0: what `from` takes. One less than `seq`. */
  readonly offset: number
  /** The same as the server and its tools count: from 1. */
  readonly seq: number
  /** True when the stream had a message with this id: nothing was stored. */
  readonly duplicate: boolean
}

/** A message of a stream. */
export interface JetStreamMessage<Payload = unknown, Topic extends string = string> extends Message<
  Payload,
  Topic
> {
  readonly stream: string
  /** Its number in its stream, from 0. Other topics of the stream use the numbers between. One less than `seq`. */
  readonly offset: number
  /** The same as the server and its tools count: from 1. */
  readonly seq: number
  /** JetStream has no place for keys. */
  readonly key: undefined
  /** Its payload as it came. */
  readonly raw: Uint8Array
}

/** A message in the hands of a member of a group. Settling it resolves when the server has confirmed it. */
export interface JetStreamDelivery<Payload = unknown, Topic extends string = string>
  extends JetStreamMessage<Payload, Topic>, Delivery<Payload, Topic> {
  readonly key: undefined
  ack(): Promise<boolean>
  nak(options?: NakOptions): Promise<boolean>
  extend(ms?: number): Promise<boolean>
}

/** Options of a subscription that names a group: a durable consumer of the server remembers what it has acked. */
export interface JetStreamGroupOptions {
  readonly group: string
  /** Where a group that is new begins; a work queue is read from its start. @defaultValue 'end', with a work queue 'start' */
  readonly from?: Position
  /** A delivery neither settled nor extended for so long is delivered again, in milliseconds. @defaultValue 30000, or what the group has */
  readonly ackDeadlineMs?: number
  /** How many deliveries of the group may be unsettled, those that wait to be repeated included. @defaultValue 256, or what the group has */
  readonly maxInFlight?: number
  /**
   * How many messages may wait in this member beyond those asked for. They are kept from being delivered elsewhere, so what
   * waits here waits for this member. 0 costs a round trip per message. @defaultValue 0
   */
  readonly prefetch?: number
  /** Messages with equal keys are never in hand at once in this member. Other members know nothing of it. */
  readonly orderingKey?: (message: JetStreamMessage) => string | undefined
  readonly signal?: AbortSignal
}

/** What is known about a group without being one of its members. */
export interface JetStreamGroupStatus {
  readonly name: string
  readonly pattern: string
  /** The streams it reads, and its consumer in each. */
  readonly consumers: readonly { readonly stream: string; readonly consumer: string }[]
  /** Messages that are not acked. */
  readonly lagMessages: number
  /** Age of the oldest of them; 0 when there is none. */
  readonly lagSeconds: number
  /** Deliveries that are not settled, those that wait to be repeated included. */
  readonly inFlight: number
  /** Members in this broker. */
  readonly members: number
}

/** A stream as it is. */
export interface JetStreamStatus {
  readonly stream: string
  readonly topics: readonly string[]
  readonly retention: 'limits' | 'work-queue' | 'interest'
  /** Offset of the oldest message, and the one the next will get. */
  readonly first: number
  readonly next: number
  readonly messages: number
  readonly bytes: number
}

export interface JetStreamLedger extends Ledger {
  readonly groups: readonly GroupLedger[]
  readonly transport: TransportCounts
}

/** A publisher bound to one topic. */
export interface JetStreamPublisher<Payload> {
  readonly topic: string
  publish(payload: Payload, options?: PublishOptions): Promise<JetStreamReceipt>
}

/** A broker whose messages are in streams of a NATS server. */
export interface JetStreamBroker<E extends object = AnyEvents> extends Broker<E> {
  readonly capabilities: Capabilities<JetStreamCapability>
  /**
   * Resolves when the server has acknowledged the message. It is sent again with the same id until then, or until
   * `publishDeadlineMs`: then `PublishUnconfirmedError` says that the server may have it, `DisconnectedError` that it was
   * never sent. Rejects with `PublishRejectedError` for what the server refuses, also when no stream keeps the topic.
   */
  publish<T extends TopicOf<E>>(
    topic: T,
    payload: PayloadOf<E, T>,
    options?: PublishOptions,
  ): Promise<JetStreamReceipt>
  topic<T extends TopicOf<E>>(topic: T): JetStreamPublisher<PayloadOf<E, T>>
  /** A member of a group. What is wrong with its place, or its consumer, ends its loop. */
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    options: JetStreamGroupOptions,
  ): Subscription<MessageOf<E, P> & JetStreamDelivery>
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    handler: Handler<MessageOf<E, P> & JetStreamDelivery>,
    options: JetStreamGroupOptions & { readonly concurrency?: number },
  ): HandlerSubscription
  /**
   * A reader of its own: from `from`, else from now on. `capacity` is how many messages it reads ahead (1024); nothing
   * overflows. Its loop rejects with `OffsetEvictedError` or `OffsetOutOfRangeError` for a place that is not there.
   */
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    options?: SubscribeOptions<MessageOf<E, P>>,
  ): Subscription<MessageOf<E, P> & JetStreamMessage>
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    handler: Handler<MessageOf<E, P> & JetStreamMessage>,
    options?: HandlerOptions<MessageOf<E, P>>,
  ): HandlerSubscription
  /** How it stands with the server. */
  health(): Health
  /**
   * Resolves when everything published so far is settled, and the server knows where every subscription made so far begins:
   * they get what anybody publishes from then on. Rejects with `PublishUnconfirmedError` after `timeoutMs` (default 30000).
   */
  flush(options?: DrainOptions): Promise<void>
  observe(observer: Observer): Disposable
  ledger(): JetStreamLedger
  /** The streams of this broker, as the server has them now. */
  streams(): Promise<readonly JetStreamStatus[]>
  /** Every group that this library has made on these streams. */
  groups(): Promise<readonly JetStreamGroupStatus[]>
  /**
   * Moves a group: its consumers are made anew. What members have in hand can be acked no more; members everywhere go on
   * from the new place. Rejects for a place that is not there, and then changes nothing.
   */
  seekGroup(name: string, pattern: string, position: Position): Promise<void>
  /** Forgets a group that has no members in this broker. Members elsewhere end with `ConsumerLostError`. */
  removeGroup(name: string, pattern: string): Promise<void>
}
