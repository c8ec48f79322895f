/// <reference lib="esnext.disposable" preserve="true" />
import type { MemoryCapability } from './broker-options.ts'
import type { Capability } from './capabilities.ts'
import type { AnyEvents, MessageOf, PayloadOf, TopicOf, ValidPattern } from './event-map.ts'
import type { Ledger, MailboxLedger } from './ledger.ts'
import type { Headers, Message } from './message.ts'
import type { Observer } from './observer.ts'
import type { Position } from './position.ts'

/** What a broker can and cannot promise, as data: ask this, never `instanceof`. */
export interface Capabilities<C extends Capability = Capability> {
  /** Which implementation this is: `memory`, `log`, `wal`, `nats`, `jetstream`, `kafka`. */
  readonly broker: string
  /** Everything it provides, by name: what `requires` is compared with. */
  readonly provides: readonly C[]
  /** Acknowledged messages survive the end of the process. */
  readonly durable: boolean
  /** `from` may ask for messages published earlier. */
  readonly replay: boolean
  /** Deliveries have `ack()` and `nak()`. */
  readonly acks: boolean
  /** `group` shares messages among its members. */
  readonly groups: boolean
  /** Patterns with `*` and `>`. */
  readonly wildcards: boolean
  /** What a subscriber may count on without acknowledging. */
  readonly delivery: 'best-effort' | 'at-most-once' | 'at-least-once'
  /** How strong an awaited publish can be, weakest first. */
  readonly ackLevels: readonly AckLevel[]
  /** The overflow policies it offers. */
  readonly overflow: readonly OverflowPolicy[]
}

/** How far a message had come when `publish` settled. */
export type AckLevel = 'accepted' | 'written' | 'synced'

/** What an awaited publish achieved. */
export interface Receipt {
  readonly level: AckLevel
  /** False when no subscription matched: the message went nowhere and was counted as `unrouted`. */
  readonly routed: boolean
}

/** What a full mailbox does with the next copy. */
export type OverflowPolicy =
  | 'drop-newest'
  | 'drop-oldest'
  | 'latest'
  | 'block'
  | 'fail'
  | 'disconnect'
  | 'spill'

/** The policies that need no disk. */
export type MemoryPolicy = Exclude<OverflowPolicy, 'spill'>

/** Why a copy was dropped: a closed set. */
export type DropReason =
  | 'buffer-full'
  | 'evicted-oldest'
  | 'superseded'
  | 'timeout'
  | 'aborted'
  | 'refused'
  | 'disconnected'
  | 'too-large'
  | 'spill-failed'
  | 'closed'

export interface PublishOptions {
  /** Travels with the message. Copied on entry. @defaultValue none */
  readonly headers?: Headers
  /** Overrides the generated id. @defaultValue a new unique id */
  readonly id?: string
  /**
   * What the message is about: brokers with the capability `keys` deliver it, keep the order of equal keys, and may
   * compact by it. The others have no place for it and take no notice. @defaultValue none
   */
  readonly key?: string
  /** Gives up waiting for `block` mailboxes; the publish then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

export interface PublishAndWaitOptions extends PublishOptions {
  /** How long to wait for every mailbox, in milliseconds; `Infinity` must be typed. @defaultValue 30000 */
  readonly timeoutMs?: number
}

interface MailboxOptions<M> {
  /** Shares one mailbox with every subscription of the same pattern and group name: each message goes to one of them. */
  readonly group?: string
  /** How many copies may be pending; a whole number from 1. @defaultValue 1024 */
  readonly capacity?: number
  /** How many bytes may be pending, by `sizeOf`. Costs a call of `sizeOf` per copy. @defaultValue unlimited */
  readonly capacityBytes?: number
  /** Bytes of one message, a finite number ≥ 0; required with `capacityBytes`, meaningless without. */
  readonly sizeOf?: (message: M) => number
  /** Hears of every drop on the publisher's turn. What it throws goes to the observer. Costs a private mailbox. */
  readonly onDrop?: (message: M, reason: DropReason) => void
  /**
   * Keeps every copy that this subscription drops, for whatever reason, in the broker's spill area, where they can be
   * listed and published again. Costs a private mailbox, and a write per drop. @defaultValue false
   */
  readonly keepDropped?: boolean
  /**
   * Where in the log to begin: needs the capability `replay`. Such a subscription reads the log itself, at its own
   * pace: first what is there, then what comes, without a gap or a repetition, and nothing overflows. It ends with
   * `OffsetEvictedError` when retention overtakes it. @defaultValue only messages that are published from now on
   */
  readonly from?: Position
  /** Ends the subscription when it aborts: iteration ends normally, pending copies are dropped as `closed`. */
  readonly signal?: AbortSignal
}

/** The overflow policy and what belongs to it. */
export type OverflowOptions<M> =
  | { readonly overflow?: 'drop-newest' | 'drop-oldest' | 'fail' | 'disconnect' }
  | {
      readonly overflow: 'latest'
      /** Copies with an equal key (`Object.is`, but 0 and -0 are one) supersede each other. */
      readonly key: (message: M) => unknown
    }
  | {
      readonly overflow: 'block'
      /** How long a publisher waits for this mailbox, in milliseconds; `Infinity` must be typed. @defaultValue 30000 */
      readonly blockTimeoutMs?: number
    }
  | {
      /**
       * What the mailbox cannot hold waits on the disk, in order. It is written as by a structured clone: a class
       * instance comes back as a plain object, and what cannot be cloned, such as a function, is dropped as
       * `spill-failed`. Needs a broker with a spill area.
       */
      readonly overflow: 'spill'
      /** How many bytes may wait on the disk. @defaultValue as many as the area allows all mailboxes together */
      readonly spillBytes?: number
      /** What happens when the disk may take no more. @defaultValue 'fail' */
      readonly spillOverflow?: Exclude<MemoryPolicy, 'latest'>
      /** How long a publisher waits with `spillOverflow: 'block'`, in milliseconds. @defaultValue 30000 */
      readonly blockTimeoutMs?: number
    }

export type SubscribeOptions<M = Message> = MailboxOptions<M> & OverflowOptions<M>

export type HandlerOptions<M = Message> = SubscribeOptions<M> & {
  /** How many calls of an async handler may be unsettled at once; a whole number from 1. @defaultValue 1 */
  readonly concurrency?: number
  /**
   * `direct`: an idle handler with an empty mailbox runs inside `publish`. `queued`: every copy goes through the
   * mailbox and the handler runs in a later microtask. @defaultValue 'direct'
   */
  readonly delivery?: 'direct' | 'queued'
}

/** Called with each message. What it throws or rejects with goes to the observer, never to a publisher. */
export type Handler<M = Message> = (message: M) => unknown

/** What every live interest in a pattern has, however it is read. */
export interface SubscriptionBase extends Disposable, AsyncDisposable {
  readonly id: string
  readonly pattern: string
  readonly group: string | undefined
  /** True once closed, aborted or disconnected, or after its broker closed. */
  readonly closed: boolean
  /** Copies in its mailbox not yet taken; a group's members share the number. */
  readonly pending: number
  /** Where its copies went. Members of a group see the group's. */
  ledger(): MailboxLedger
  /**
   * Takes nothing new, lets what is pending be read, then closes. Resolves when that is done, or after `timeoutMs`
   * (default 30000), when the rest is dropped as `closed`. So a reader that nobody reads any more waits for its
   * deadline: close it instead. A group's pending copies stay with the other members; the last one drains the group.
   */
  drain(options?: DrainOptions): Promise<void>
  /** Ends it now: pending copies are dropped as `closed` (a group's stay with the group). Idempotent. */
  close(): void
}

/** A subscription that calls a handler. `Symbol.dispose` closes, `Symbol.asyncDispose` drains. */
export type HandlerSubscription = SubscriptionBase

/** A subscription that is read: by `for await`, by `batches()`, or by `poll()` and `next()`. `break` closes it. */
export interface Subscription<M = Message> extends SubscriptionBase, AsyncIterableIterator<M, undefined> {
  /** Iterates over arrays of what is pending, oldest first; at most `max` messages each (default 1024). Each array is the reader's own. */
  batches(options?: { readonly max?: number }): AsyncIterableIterator<readonly M[], undefined>
  /** Takes the oldest pending message, or returns undefined without waiting. */
  poll(): M | undefined
  /** Takes the next message, waiting for it; concurrent calls are served in order. Rejects once with `SlowSubscriberError` after a disconnect. */
  next(): Promise<IteratorResult<M, undefined>>
  return(): Promise<IteratorResult<M, undefined>>
  [Symbol.asyncIterator](): this
}

export interface DrainOptions {
  /** How long to let consumers finish, in milliseconds; `Infinity` must be typed. @defaultValue 30000 */
  readonly timeoutMs?: number
}

/** What `broker.drain()` saw. */
export interface DrainReport {
  /** True when everything inside was handed to its consumer, and every call had settled, before the deadline. */
  readonly complete: boolean
  /** Copies handed over while draining. */
  readonly delivered: number
  /** Copies dropped as `closed` at the end, because nobody took them in time. */
  readonly dropped: number
  readonly durationMs: number
}

/** A publisher bound to one topic: the same promises as `broker.publish`, without looking the topic up. */
export interface TopicPublisher<Payload> {
  readonly topic: string
  publish(payload: Payload, options?: PublishOptions): Promise<Receipt>
  publishAndWait(payload: Payload, options?: PublishAndWaitOptions): Promise<Receipt>
}

declare const events: unique symbol

/** Publishes, subscribes, accounts. The same interface from memory to Kafka; `capabilities` says where they differ. */
export interface Broker<E extends object = AnyEvents> extends AsyncDisposable {
  /** Never there: it lets the compiler infer the map, and tells brokers of different maps apart. */
  readonly [events]?: E
  readonly capabilities: Capabilities
  /** Never throws synchronously: every failure is a rejection. What the promise means is stated by each broker. */
  publish<T extends TopicOf<E>>(
    topic: T,
    payload: PayloadOf<E, T>,
    options?: PublishOptions,
  ): Promise<Receipt>
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    options?: SubscribeOptions<MessageOf<E, P>>,
  ): Subscription<MessageOf<E, P>>
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    handler: Handler<MessageOf<E, P>>,
    options?: HandlerOptions<MessageOf<E, P>>,
  ): HandlerSubscription
  /** A snapshot of all counters. It always balances: see `assertBalanced`. */
  ledger(): Ledger
  /**
   * Takes nothing new, finishes what is inside, then closes. Idempotent; concurrent calls share one drain and its
   * deadline. Awaited inside a handler it waits for that handler, up to the deadline.
   */
  drain(options?: DrainOptions): Promise<DrainReport>
  /**
   * Ends everything now; pending copies are dropped as `closed` and counted. Resolves when nothing more will be
   * delivered; calls of handlers that are under way finish by themselves. Idempotent.
   */
  close(): Promise<void>
}

/** The broker of `createBroker`: everything inside one process. */
export interface MemoryBroker<E extends object = AnyEvents> extends Broker<E> {
  readonly capabilities: Capabilities<MemoryCapability>
  /**
   * Resolves when every matching mailbox took its copy, whatever its policy, or has ended: mailboxes are waited for in
   * parallel. Rejects with `MailboxFullError` when the message is too large for one.
   * On deadline or abort rejects `PublishTimeoutError` naming the stalled ones; their copies are dropped and counted.
   */
  publishAndWait<T extends TopicOf<E>>(
    topic: T,
    payload: PayloadOf<E, T>,
    options?: PublishAndWaitOptions,
  ): Promise<Receipt>
  /** A publisher bound to one topic. */
  topic<T extends TopicOf<E>>(topic: T): TopicPublisher<PayloadOf<E, T>>
  /** Adds an observer; dispose to remove it. */
  observe(observer: Observer): Disposable
}
