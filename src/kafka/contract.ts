import type { Clock } from '../core/clock.ts'
import type { PayloadCodec } from '../core/codec.ts'
import type {
  Broker,
  Capabilities,
  Handler,
  HandlerSubscription,
  PublishOptions,
  Receipt,
  Subscription,
} from '../core/contract.ts'
import type { Delivery, NakOptions } from '../core/delivery.ts'
import type { AnyEvents, MessageOf, PayloadOf, TopicOf, ValidPattern } from '../core/event-map.ts'
import type { Health } from '../core/health.ts'
import type { GroupLedger, Ledger, TransportCounts } from '../core/ledger.ts'
import type { Message } from '../core/message.ts'
import type { Observer } from '../core/observer.ts'
import type { Position } from '../core/position.ts'
import type { PayloadSchema } from '../core/schema.ts'

/**
 * What of a client is used: the `Kafka` object of `kafkajs`, or of `KafkaJS` in `@confluentinc/kafka-javascript`. The
 * broker makes its own producer, consumers and admin client from it, and ends those; the object itself holds nothing.
 */
export interface KafkaClient {
  producer(config?: object): object
  consumer(config: object): object
  admin(config?: object): object
}

/** Which client it is: they look alike and are configured, and behave, differently. */
export type KafkaEngine = 'kafkajs' | 'confluent'

/** What the broker of `createKafkaBroker` provides. `order` is not among it: only equal keys keep theirs. */
export type KafkaCapability =
  | 'durable'
  | 'replay'
  | 'acks'
  | 'groups'
  | 'wildcards'
  | 'keys'
  | 'key-order'
  | 'nak-delay'
  | 'remote'
  | 'reconnect'
  | 'written'

export interface KafkaBatching {
  /** How long a message waits for others to travel with, in milliseconds. What comes while a request is under way travels together anyhow. @defaultValue 0 */
  readonly lingerMs?: number
  /** Most messages of one request. @defaultValue 1000 */
  readonly messages?: number
  /** Most bytes of one request; the server's limit (`message.max.bytes`, 1 MB) is for each. @defaultValue 524288 */
  readonly bytes?: number
}

export interface KafkaWindow {
  /** How many messages may be unanswered before publishers wait. As many again may wait; more are refused. @defaultValue 10000 */
  readonly messages?: number
  /** The same in bytes. @defaultValue 33554432 */
  readonly bytes?: number
}

export interface KafkaTopics {
  /** Creates a topic that is published to or subscribed to by name and does not exist. @defaultValue false */
  readonly create?: boolean
  /** Of topics it creates. @defaultValue the server's default */
  readonly partitions?: number
  /** Of topics it creates. @defaultValue the server's default */
  readonly replicas?: number
  /** Settings of topics it creates, such as `cleanup.policy`. @defaultValue none */
  readonly config?: Readonly<Record<string, string>>
  /** How often it looks for topics that patterns match, in milliseconds. @defaultValue 5000 */
  readonly refreshMs?: number
}

export interface KafkaConsuming {
  /** A member that was not heard of for so long has left, in milliseconds. @defaultValue 30000 */
  readonly sessionTimeoutMs?: number
  /** @defaultValue 3000 */
  readonly heartbeatMs?: number
  /** How long the server waits for members at a rebalance, in milliseconds. @defaultValue 60000 */
  readonly rebalanceTimeoutMs?: number
  /** How long deliveries may take to be settled when their partition is to be given away, in milliseconds. @defaultValue 10000 */
  readonly revokeDeadlineMs?: number
  /** What is acked is committed after so many milliseconds at the latest, @defaultValue 1000 */
  readonly commitMs?: number
  /** … or so many messages. @defaultValue 1000 */
  readonly commitMessages?: number
  /** Messages of one partition that are fetched ahead; then it is paused. @defaultValue 2048 */
  readonly bufferMessages?: number
  /** The same in bytes. @defaultValue 8388608 */
  readonly bufferBytes?: number
  /** `consumer` is KIP-848: only the engine `confluent` has it, and the server sets its timeouts. @defaultValue 'classic' */
  readonly protocol?: 'classic' | 'consumer'
}

export interface KafkaBrokerOptions {
  /** The `Kafka` object of the client that you have installed. */
  readonly kafka: KafkaClient
  /** @defaultValue found out from `kafka` */
  readonly engine?: KafkaEngine
  /** Refuses to start unless the broker provides these. @defaultValue none */
  readonly requires?: readonly KafkaCapability[]
  /** Validates payloads at publish: a Standard Schema per topic or pattern; the topic's own wins. */
  readonly schemas?: Readonly<Record<string, PayloadSchema>>
  /** Payloads to bytes and back. @defaultValue JSON; bytes stay bytes */
  readonly codec?: PayloadCodec
  /** Hears of everything from the first event on. */
  readonly observer?: Observer
  /** Where time comes from. @defaultValue the clock of the machine */
  readonly clock?: Clock
  /** How long a publish waits for its answer, in milliseconds. @defaultValue 30000 */
  readonly publishDeadlineMs?: number
  readonly batching?: KafkaBatching
  readonly window?: KafkaWindow
  readonly topics?: KafkaTopics
  readonly consuming?: KafkaConsuming
  /**
   * Reads committed offsets back after a partition was given away, at the end, and every few seconds, and commits again
   * what the server does not have. @defaultValue true for `confluent`, whose commits are not answered; else false
   */
  readonly verifyCommits?: boolean
}

export interface KafkaPublishOptions extends PublishOptions {
  /** Publishes no value: a topic that is compacted forgets the key. @defaultValue false */
  readonly tombstone?: boolean
}

/** Where an acknowledged message is: all in-sync replicas have it. */
export interface KafkaReceipt extends Receipt {
  readonly level: 'written'
  readonly routed: true
  readonly partition: number
  readonly offset: number
}

/** A message read from Kafka. */
export interface KafkaMessage<Payload = unknown, Topic extends string = string> extends Message<
  Payload,
  Topic
> {
  readonly key: string | undefined
  readonly partition: number
  /** Its number in its partition. */
  readonly offset: number
  /** It has no value: there is nothing under its key any more. */
  readonly tombstone: boolean
  /** Its value as it came. */
  readonly raw: Uint8Array
}

/**
 * A message in the hands of a member of a group. `attempt` counts deliveries in this process since it got the
 * partition: Kafka remembers none.
 */
export interface KafkaDelivery<Payload = unknown, Topic extends string = string>
  extends KafkaMessage<Payload, Topic>, Delivery<Payload, Topic> {
  readonly key: string | undefined
  ack(): boolean
  nak(options?: NakOptions): boolean
  extend(ms?: number): boolean
}

/** Options of a subscription that names a group: a consumer group of Kafka of the same name. */
export interface KafkaGroupOptions {
  readonly group: string
  /** Where partitions begin that the group has never read. Topics made later begin at their start. @defaultValue 'end' */
  readonly from?: Position
  /** A delivery neither settled nor extended for so long is delivered again, in milliseconds. @defaultValue 30000 */
  readonly ackDeadlineMs?: number
  /** How many deliveries of the group may be unsettled in this process. @defaultValue 256 */
  readonly maxInFlight?: number
  /**
   * Messages of a partition with equal keys are delivered one after the other, in order, also when one has to be repeated.
   * `undefined` is ordered with nobody. @defaultValue the key of the message
   */
  readonly orderingKey?: (message: KafkaMessage) => string | undefined
  readonly signal?: AbortSignal
}

/** Options of a subscription without a group: a reader of its own, which is told everything and acknowledges nothing. */
export interface KafkaReaderOptions {
  readonly group?: undefined
  /** Where to begin. An offset needs a topic with one partition; −n are the last n of each partition. @defaultValue 'end' */
  readonly from?: Position
  /** How many messages of each partition are fetched ahead. @defaultValue `consuming.bufferMessages` */
  readonly capacity?: number
  readonly signal?: AbortSignal
}

interface WithConcurrency {
  /** How many calls of an async handler may be unsettled at once. @defaultValue 1 */
  readonly concurrency?: number
}

/** How far a group is behind, on all partitions of its topics. */
export interface KafkaGroupStatus {
  readonly name: string
  readonly pattern: string
  /** Messages that are not acked, as far as offsets tell: those between that compaction removed are counted too. */
  readonly lagMessages: number
  /** Age of the oldest of them, to a sixteenth; 0 when there is none. */
  readonly lagSeconds: number
  /** Deliveries that members in this process have in hand. */
  readonly inFlight: number
  /** Members in this process. */
  readonly members: number
  /** Partitions that this process has. */
  readonly partitions: number
  /** Records that retention removed before the group had read them, as far as this process has seen. */
  readonly lost: number
}

/** What became of commits. */
export interface CommitCounts {
  /** Offsets that the client says it has committed. */
  readonly committed: number
  /** Commits that the client said had failed; they are repeated. */
  readonly failed: number
  /** Offsets that the server turned out not to have although the client had said so; they were committed again. */
  readonly mismatched: number
}

export interface KafkaLedger extends Ledger {
  readonly groups: readonly (GroupLedger & { readonly commits: CommitCounts })[]
  readonly transport: TransportCounts
}

/** A publisher bound to one topic. */
export interface KafkaPublisher<Payload> {
  readonly topic: string
  publish(payload: Payload, options?: KafkaPublishOptions): Promise<KafkaReceipt>
}

/** A broker whose messages are in Apache Kafka. An awaited publish means `acks=all`. */
export interface KafkaBroker<E extends object = AnyEvents> extends Broker<E> {
  readonly capabilities: Capabilities<KafkaCapability>
  readonly engine: KafkaEngine
  /**
   * Resolves when all in-sync replicas have the message.
   *
   * Rejects with `PublishRejectedError` when the server refused it; with `PublishOverloadedError` when too many wait already;
   * with `DisconnectedError` when it was not sent in time;
   * with `PublishUnconfirmedError` when it was sent and not answered in time: the server may have it.
   */
  publish<T extends TopicOf<E>>(
    topic: T,
    payload: PayloadOf<E, T>,
    options?: KafkaPublishOptions,
  ): Promise<KafkaReceipt>
  topic<T extends TopicOf<E>>(topic: T): KafkaPublisher<PayloadOf<E, T>>
  /** A member of a consumer group. */
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    options: KafkaGroupOptions,
  ): Subscription<MessageOf<E, P> & KafkaDelivery>
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    handler: Handler<MessageOf<E, P> & KafkaDelivery>,
    options: KafkaGroupOptions & WithConcurrency,
  ): HandlerSubscription
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    options?: KafkaReaderOptions,
  ): Subscription<MessageOf<E, P> & KafkaMessage>
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    handler: Handler<MessageOf<E, P> & KafkaMessage>,
    options?: KafkaReaderOptions & WithConcurrency,
  ): HandlerSubscription
  observe(observer: Observer): Disposable
  /** Resolves when every subscription made so far knows where it begins: it gets all that anybody publishes from then on. */
  ready(): Promise<void>
  ledger(): KafkaLedger
  /** How it stands with the server, by what requests have said last. */
  health(): Health
  /** The groups that this broker has, or has had, members of. Asks the server. */
  groups(): Promise<readonly KafkaGroupStatus[]>
  /**
   * Moves a group: the partitions this process has, what it has in hand can be acked no more; or all, when the group has
   * no members anywhere. Resolves when the server has the new place.
   */
  seekGroup(name: string, pattern: string, position: Position): Promise<void>
}
