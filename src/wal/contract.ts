import type {
  AckLevel,
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
} from '../core/contract.ts'
import type { AnyEvents, MessageOf, PayloadOf, TopicOf, ValidPattern } from '../core/event-map.ts'
import type { Ledger } from '../core/ledger.ts'
import type { Message } from '../core/message.ts'
import type { Observer } from '../core/observer.ts'
import type { PayloadCodec } from '../core/codec.ts'
import type { Delivery, NakOptions } from '../core/delivery.ts'
import type { Position } from '../core/position.ts'
import type { PayloadSchema } from '../core/schema.ts'
import type { Clock } from '../core/clock.ts'
import type { SpillArea, SpillAreaOptions } from './spill/contract.ts'

/** Bytes that were cut off the end of the log, because the write they belong to was never finished. */
export interface TornTail {
  readonly segment: string
  readonly position: number
  readonly bytes: number
  /** Where they are kept. */
  readonly file: string
}

/** What opening a log found and did. */
export interface RecoveryReport {
  /** True when there was no log. */
  readonly created: boolean
  /** True when it had been closed cleanly: no record was read. */
  readonly clean: boolean
  /** Bytes that were read to find the end of the log. */
  readonly scannedBytes: number
  readonly recordsFound: number
  /** Bytes of an unfinished write that were cut off; they are kept in `file`. */
  readonly torn: TornTail | undefined
}

/** When the log is synced if a publish does not say. */
export type SyncPolicy = 'always' | 'interval' | 'os'

/** What is kept of one topic; a limit that is left out does not limit. */
export interface TopicLimits {
  /** In milliseconds. */
  readonly ageMs?: number
  /** Bytes of values with their keys and headers. */
  readonly bytes?: number
  readonly count?: number
}

/** Topics of which only the newest message of each key is kept. */
export interface CompactionOptions {
  /** Patterns. Messages without a key stay. */
  readonly topics: readonly string[]
  /** A tombstone goes when it is older, in milliseconds: by then every reader should have seen it. @defaultValue 86400000 */
  readonly tombstoneMs?: number
}

/** What a compaction did. */
export interface CompactionReport {
  /** Sealed segments looked at, and rewritten. */
  readonly segments: number
  readonly rewritten: number
  /** Messages removed by limits per topic, and because a newer one has their key. */
  readonly retention: number
  readonly compaction: number
  /** Bytes of the rewritten segments. */
  readonly bytesBefore: number
  readonly bytesAfter: number
}

/** What retention keeps; a limit that is left out does not limit. Whole segments are removed, the oldest first. */
export interface Retention {
  /** Remove segments whose last record is older, in milliseconds. */
  readonly ageMs?: number
  /** Remove the oldest segments while the log is larger, in bytes. */
  readonly bytes?: number
  /** Remove the oldest segments while the log holds more records. */
  readonly count?: number
  /** `groups`: whatever the limits, a segment stays until every group has read it. */
  readonly keepFor?: 'groups'
  /**
   * Limits of topics, by pattern; the first pattern that matches counts. Their messages are removed by rewriting sealed
   * segments, and never before the groups that read them have them, so that the limits are reached late, not early.
   */
  readonly topics?: Readonly<Record<string, TopicLimits>>
}

/** What the broker of `openDurableBroker` provides. */
export type WalCapability =
  | 'durable'
  | 'replay'
  | 'acks'
  | 'groups'
  | 'wildcards'
  | 'keys'
  | 'order'
  | 'key-order'
  | 'nak-delay'
  | 'written'
  | 'synced'

export interface DurableBrokerOptions {
  /** Refuses to open unless the broker provides these. @defaultValue none */
  readonly requires?: readonly WalCapability[]
  /**
   * `always`: an awaited publish is on the disk. `interval`: it is in the memory of the system, and on the disk after
   * `syncIntervalMs` at the latest. `os`: the system decides when. All three survive the end of the process; only the
   * first survives the loss of power from the moment the publish resolves. @defaultValue 'always'
   */
  readonly sync?: SyncPolicy
  /** @defaultValue 5 */
  readonly syncIntervalMs?: number
  /** A segment is sealed when it is at least so long. @defaultValue 67108864 */
  readonly segmentBytes?: number
  /** The largest value of one message. @defaultValue 16777216 */
  readonly maxRecordBytes?: number
  /** How many bytes may wait to be written; more is refused with `LogOverloadedError`. @defaultValue 67108864 */
  readonly highWaterMark?: number
  readonly retention?: Retention
  readonly compaction?: CompactionOptions
  /**
   * Each time a segment is sealed, rewrite those of which a fifth or more would go by `compaction` and
   * `retention.topics`. Without it only `compact()` does. @defaultValue true
   */
  readonly compactOnSeal?: boolean
  /**
   * Where writing and syncing happen: `inline` in the caller's thread, `worker` in one of its own. On a disk that syncs
   * within half a millisecond, `worker` does in the caller's thread what a lone publisher waits for: one that publishes
   * again only when it has been told, while nobody else does. @defaultValue 'worker'
   */
  readonly engine?: 'worker' | 'inline'
  readonly codec?: PayloadCodec
  /** Bounds of what mailboxes with the policy `spill` have on the disk, and of the dropped copies that are kept. */
  readonly spill?: SpillAreaOptions
  readonly schemas?: Readonly<Record<string, PayloadSchema>>
  readonly observer?: Observer
  readonly clock?: Clock
}

export interface DurablePublishOptions extends PublishOptions {
  /** What the promise waits for. @defaultValue `synced` under the policy `always`, else `written` */
  readonly ack?: AckLevel
  /** Says that there is nothing under `key` any more: compaction removes what was, and later this message too. */
  readonly tombstone?: boolean
  /** Makes a repeated publish return what the first one was stored as. `sequence` must rise. */
  readonly producer?: { readonly id: string; readonly sequence: number }
}

/** What an awaited publish to a log achieved, and where the message is. */
export interface DurableReceipt extends Receipt {
  /** Its number in its topic, from 0, without gaps. */
  readonly offset: number
  /** Its number in the log, across all topics. */
  readonly seq: number
  /** True when the producer had published it before: nothing was stored. */
  readonly duplicate: boolean
}

/** A message read from the log. */
export interface StoredMessage<Payload = unknown, Topic extends string = string> extends Message<
  Payload,
  Topic
> {
  readonly offset: number
  readonly seq: number
  readonly key: string | undefined
  /** There is nothing under its key any more. */
  readonly tombstone: boolean
}

/** A message in the hands of a member of a group; settling it has its effect at once. */
export interface GroupDelivery<Payload = unknown, Topic extends string = string>
  extends StoredMessage<Payload, Topic>, Delivery<Payload, Topic> {
  readonly key: string | undefined
  ack(): boolean
  nak(options?: NakOptions): boolean
  extend(ms?: number): boolean
}

/** Options of a subscription that names a group: its cursor is remembered across restarts. */
export interface GroupOptions {
  readonly group: string
  /** Where a group that is new begins. @defaultValue 'end' */
  readonly from?: Position
  /** A delivery neither settled nor extended for so long is delivered again, in milliseconds. @defaultValue 30000 */
  readonly ackDeadlineMs?: number
  /** How many deliveries of the group may be unsettled. @defaultValue 256 */
  readonly maxInFlight?: number
  /** Messages with equal keys are delivered one after the other, in order, also when one has to be repeated. */
  readonly orderingKey?: (message: StoredMessage) => string | undefined
  readonly signal?: AbortSignal
}

/** Where to move a group: a position, or so many of its messages forward (back, when negative) from where it is. */
export type GroupPosition = Position | { readonly shift: number }

/** What is known about a group without being one of its members. */
export interface GroupStatus {
  readonly name: string
  readonly pattern: string
  /** The next sequence number that is not acked by all before it. */
  readonly cursor: number
  /** Matching records that are not acked. */
  readonly lagMessages: number
  /** Age of the oldest of them; 0 when there is none. */
  readonly lagSeconds: number
  readonly inFlight: number
  readonly members: number
  readonly paused: boolean
  /** Records that retention removed before the group had read them. */
  readonly lost: number
}

/** One topic of the log. */
export interface TopicStatus {
  readonly topic: string
  readonly first: number
  readonly next: number
}

/** Counts of a log: `appended = retained + evicted + compacted`. */
export interface LogCounts {
  readonly appended: number
  readonly retained: number
  readonly evicted: number
  /** Records that rewriting has removed from segments that are there. */
  readonly compacted: number
  readonly bytes: number
  readonly segments: number
  /** Records below it are on the disk for good. */
  readonly visible: number
}

export interface DurableLedger extends Ledger {
  readonly log: LogCounts
}

/** A publisher bound to one topic. */
export interface DurablePublisher<Payload> {
  readonly topic: string
  publish(payload: Payload, options?: DurablePublishOptions): Promise<DurableReceipt>
  /**
   * Hands a message over without a promise, for loading in bulk; returns its offset. `flush` tells when it is durable.
   * Throws what `publish` would reject with.
   */
  append(payload: Payload): number
}

/**
 * A broker whose messages are in a log on disk. An awaited publish means the level it asked for (`ack`). A message is
 * seen by nobody before that level is reached, so what was seen cannot be lost again at that level.
 */
export interface DurableBroker<E extends object = AnyEvents> extends Broker<E> {
  readonly capabilities: Capabilities<WalCapability>
  /** What opening found: torn bytes that were cut, how much was read. */
  readonly recovery: RecoveryReport
  /** Copies that wait on the disk for slow subscriptions, and dropped copies that are kept. It closes with the broker. */
  readonly spill: SpillArea
  publish<T extends TopicOf<E>>(
    topic: T,
    payload: PayloadOf<E, T>,
    options?: DurablePublishOptions,
  ): Promise<DurableReceipt>
  topic<T extends TopicOf<E>>(topic: T): DurablePublisher<PayloadOf<E, T>>
  /** A member of a group, whose cursor is kept in the log. */
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    options: GroupOptions,
  ): Subscription<MessageOf<E, P> & GroupDelivery>
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    handler: Handler<MessageOf<E, P> & GroupDelivery>,
    options: GroupOptions & { readonly concurrency?: number },
  ): HandlerSubscription
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    options?: SubscribeOptions<MessageOf<E, P>>,
  ): Subscription<MessageOf<E, P> & StoredMessage>
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    handler: Handler<MessageOf<E, P> & StoredMessage>,
    options?: HandlerOptions<MessageOf<E, P>>,
  ): HandlerSubscription
  observe(observer: Observer): Disposable
  ledger(): DurableLedger
  /** Resolves when everything published or appended before the call is on the disk for good. */
  flush(): Promise<void>
  topics(): readonly TopicStatus[]
  /** Every group the log remembers. Counting what lies before them reads it. */
  groups(): Promise<readonly GroupStatus[]>
  /** Moves a group; what its members have in hand can be acked no more. Resolves when the new place is on the disk. */
  seekGroup(name: string, pattern: string, position: GroupPosition): Promise<void>
  /** Members get nothing new until the group is resumed. Forgotten when the broker closes. */
  pauseGroup(name: string, pattern: string): void
  resumeGroup(name: string, pattern: string): void
  /** Forgets a group that has no members. Resolves when that is on the disk. */
  removeGroup(name: string, pattern: string): Promise<void>
  /**
   * Rewrites sealed segments without what `retention.topics` and `compaction` do not keep; the newest one stays. Readers
   * and publishers go on meanwhile. Rejects with `LogCompactionError` when the disk fails; the log is as it was then.
   */
  compact(): Promise<CompactionReport>
  /** Copies the log to a new directory while it is in use; opening the copy works. */
  snapshot(dir: string): Promise<void>
  /** After a write has failed: opens the log anew. What was acknowledged is there; publishing works again. */
  reopen(): Promise<void>
  /** As the contract says; the log is closed last, so that the next open reads no records. */
  close(): Promise<void>
  drain(options?: DrainOptions): ReturnType<Broker<E>['drain']>
}
