/// <reference lib="esnext.disposable" preserve="true" />
import type { Capability } from '../core/capabilities.ts'
import type { Clock } from '../core/clock.ts'
import type {
  Broker,
  Capabilities,
  DrainOptions,
  PublishOptions,
  Receipt,
  SubscribeOptions,
} from '../core/contract.ts'
import type { Delivery } from '../core/delivery.ts'
import type { MessageOf, ValidPattern } from '../core/event-map.ts'
import type { Message } from '../core/message.ts'
import type { ConsumerLedger } from './ledger.ts'
import type { ConsumerObserver, HoldReason } from './observer.ts'

/** What a handler is told beside its message: one per attempt. */
export interface HandlerContext {
  /** Which attempt at this message it is, from 1, those of earlier deliveries by the broker included. */
  readonly attempt: number
  /**
   * Aborts when this attempt is given up: its deadline has passed (`HandlerDeadlineError`), the broker has given the
   * message to somebody else (`DeliveryLostError`), or the consumer has ended (`ConsumerEndedError`). Made when it is
   * first read.
   */
  readonly signal: AbortSignal
}

/** What a handler of batches is told: one per call. */
export interface BatchContext<M extends Message = Message> {
  /** As for single messages. */
  readonly signal: AbortSignal
  /** Which attempt at this message of the batch it is. */
  attemptOf(this: void, message: M): number
  /** Says why a message has failed. It counts as failed, also when it is among those returned. */
  fail(this: void, message: M, error: unknown): void
}

/** Handles one message: it has failed when this throws or rejects. What it returns has no meaning. */
export type MessageHandler<M extends Message = Message> = (message: M, context: HandlerContext) => unknown

/** Handles several and returns those it has handled: one that it leaves out has failed, and all when it throws. */
export type BatchHandler<M extends Message = Message> = (
  messages: readonly M[],
  context: BatchContext<M>,
) => Iterable<M> | PromiseLike<Iterable<M>>

/** Runs around every attempt. What it throws is the attempt's failure; without `next` the message counts as handled. */
export type Middleware<M extends Message = Message> = (
  message: M,
  context: HandlerContext,
  next: () => unknown,
) => unknown

/** Runs around every call of a batch handler; returns what `next` returned, or what it makes of it. */
export type BatchMiddleware<M extends Message = Message> = (
  messages: readonly M[],
  context: BatchContext<M>,
  next: () => Iterable<M> | PromiseLike<Iterable<M>>,
) => Iterable<M> | PromiseLike<Iterable<M>>

/** What happens to a message that has failed and is not tried again. */
export type Exhausted = 'dead-letter' | 'stop' | 'discard'

export interface RetryOptions {
  /** How many attempts there are in all, deliveries before this one included; a message is always tried once. @defaultValue 5 */
  readonly attempts?: number
  /** How long to wait before the second attempt, in milliseconds. @defaultValue 100 */
  readonly firstMs?: number
  /** By how much each wait is longer than the one before, from 1. @defaultValue 2 */
  readonly factor?: number
  /** The longest wait, in milliseconds. @defaultValue 30000 */
  readonly maxMs?: number
  /** How much of each wait is left to chance, from 0 (none) to 1 (all of it). @defaultValue 0.5 */
  readonly jitter?: number
  /** Whether to try again after this error. `PayloadInvalidError` never is. @defaultValue always */
  readonly when?: (error: unknown) => boolean
  /** How many messages may wait for another attempt; while there are so many nothing new is taken. @defaultValue 256 */
  readonly maxParked?: number
}

/** Where dead letters are published: any broker. */
export interface DeadLetterBroker {
  readonly capabilities: Capabilities
  publish(topic: never, payload: never, options?: PublishOptions): Promise<Receipt>
}

export interface DeadLetterOptions<M extends Message = Message> {
  /** @defaultValue the broker of the source, where it is known */
  readonly broker?: DeadLetterBroker
  /** @defaultValue `<topic>.dlq` */
  readonly topic?: (message: M) => string
  /** How long one publish may take, in milliseconds. @defaultValue 30000 */
  readonly timeoutMs?: number
}

/** Opens after failures: then nothing is begun for a while, retries included, and afterwards a few attempts are probes. */
export interface CircuitOptions {
  /** Opens after so many failures in a row. @defaultValue 5, or none with `rate` */
  readonly failures?: number
  /** Opens when this share of the last `window` attempts has failed, above 0 to 1. @defaultValue none */
  readonly rate?: number
  /** How many attempts `rate` looks at. @defaultValue 20 */
  readonly window?: number
  /** How long it stays open, in milliseconds; twice as long each time a probe fails, up to `maxOpenMs`. @defaultValue 10000 */
  readonly openMs?: number
  /** @defaultValue 300000 */
  readonly maxOpenMs?: number
  /** How many attempts are let through, and must succeed, before it closes. @defaultValue 1 */
  readonly probes?: number
}

export interface RateOptions {
  /** Messages taken per second, above 0. Retries are not counted. */
  readonly perSecond: number
  /** How many may be taken at once after a quiet time. @defaultValue `perSecond`, at least 1 */
  readonly burst?: number
}

/** Remembers the ids of handled messages. What was not handled in the end is not remembered. */
export interface DedupeOptions {
  /** How many ids. @defaultValue 10000 */
  readonly count?: number
  /** For how long, in milliseconds. @defaultValue 300000 */
  readonly windowMs?: number
}

/** What all consumers can be told. */
export interface FlowOptions<M extends Message = Message> {
  /** How many calls of the handler may be unsettled at once. @defaultValue 1 */
  readonly concurrency?: number
  /**
   * Messages with an equal key are never handled at the same time and stay in order, also while one of them waits to
   * be tried again; others go on meanwhile. Without it a message that waits is overtaken.
   */
  readonly orderingKey?: (message: M) => string | number | undefined
  /** How many messages may wait for one with the same key or id. @defaultValue 16 × `concurrency`, at least 64 */
  readonly lookAhead?: number
  /**
   * How long one attempt may take, in milliseconds; `Infinity` must be typed. Then its `signal` aborts, it has failed,
   * and its place is given to another: a result that comes later is ignored and reported. @defaultValue 30000
   */
  readonly deadlineMs?: number
  /** How many calls beyond their deadline may be unsettled before nothing more is begun. @defaultValue 100 */
  readonly maxAbandoned?: number
  readonly retry?: RetryOptions
  /** @defaultValue 'dead-letter', which needs to know a broker */
  readonly exhausted?: Exhausted
  readonly deadLetter?: DeadLetterOptions<M>
  /** @defaultValue none */
  readonly circuit?: CircuitOptions
  /** @defaultValue unlimited */
  readonly rate?: RateOptions
  /** A message whose id was handled is acknowledged, counted, and not handled again. `true` for the defaults. @defaultValue false */
  readonly dedupe?: boolean | DedupeOptions
  /**
   * How often the deadlines of deliveries are extended while they are here, in milliseconds: well below the deadline
   * of the broker. @defaultValue a third of `ackDeadlineMs` of the source, or 10000
   */
  readonly extendEveryMs?: number
  /** Ends the consumer, as `close` does. */
  readonly signal?: AbortSignal
  readonly observer?: ConsumerObserver
  /** @defaultValue the clock of the machine */
  readonly clock?: Clock
}

export interface ConsumerOptions<
  M extends Message = Message,
  C extends Capability = Capability,
> extends FlowOptions<M> {
  /** Runs around each attempt, the first outermost. */
  readonly use?: readonly Middleware<M>[]
  /** Refuses to start unless the broker of the source provides these. @defaultValue none */
  readonly requires?: readonly Fixed<C>[]
}

export interface BatchConsumerOptions<
  M extends Message = Message,
  C extends Capability = Capability,
> extends FlowOptions<M> {
  /** How many messages a batch may have. @defaultValue 100 */
  readonly maxBatch?: number
  /** How long to wait for a batch to fill, in milliseconds; with 0 it has what is there. @defaultValue 0 */
  readonly lingerMs?: number
  /** Runs around each call, the first outermost. */
  readonly use?: readonly BatchMiddleware<M>[]
  /** Refuses to start unless the broker of the source provides these. @defaultValue none */
  readonly requires?: readonly Fixed<C>[]
}

/** Of a subscription no broker is known: say where dead letters go, or that there are none. */
export type KnownEnd<M extends Message> = { readonly requires?: never } & (
  | { readonly deadLetter: DeadLetterOptions<M> & { readonly broker: DeadLetterBroker } }
  | { readonly exhausted: 'stop' | 'discard' }
)

/** `T`, but the compiler does not infer it from here. */
export type Fixed<T> = [T][T extends unknown ? 0 : never]

/** Options of `broker.subscribe`, also those that only some brokers have. */
export type SourceOptions<M> = SubscribeOptions<M> & {
  readonly ackDeadlineMs?: number
  readonly [option: string]: unknown
}

/** Where a consumer that makes its own subscription gets messages. */
export interface BrokerSource<
  E extends object,
  C extends Capability,
  P extends string,
  S extends SourceOptions<MessageOf<E, P>>,
> {
  readonly broker: Broker<E> & { readonly capabilities: Capabilities<C> }
  readonly pattern: ValidPattern<E, P>
  /** Passed to `broker.subscribe`. */
  readonly subscribe?: S
}

/** A delivery where the broker is known to have them and a group is named, else a message. */
export type TakenOf<E extends object, C extends Capability, P extends string, S> = S extends {
  readonly group: string
}
  ? Capability extends C
    ? MessageOf<E, P>
    : 'acks' extends C
      ? MessageOf<E, P> & Delivery
      : MessageOf<E, P>
  : MessageOf<E, P>

/**
 * `running`: takes messages. `held`: begins nothing, `heldBy` says why. `draining`: takes nothing new and finishes.
 * `ended`: it is over.
 */
export type ConsumerState = 'running' | 'held' | 'draining' | 'ended'

/** What `drain` saw. */
export interface ConsumerReport {
  /** True when nothing had to be handed back, and nothing was left in its mailbox. */
  readonly complete: boolean
  /** What became of messages since the drain began. */
  readonly handled: number
  readonly duplicates: number
  readonly deadLettered: number
  readonly discarded: number
  /** Handed back unhandled. Where the broker has no acks they are gone, and the observer was told of each. */
  readonly returned: number
  /** What was still in its mailbox at the end, never taken: the broker drops it as `closed`. */
  readonly dropped: number
  /** Calls of the handler that have not settled and are not waited for. */
  readonly abandoned: number
  readonly durationMs: number
  /** Why it ended, if not because it was told to. */
  readonly error: unknown
}

/** A handler at work on a subscription. `Symbol.asyncDispose` drains. */
export interface Consumer extends AsyncDisposable {
  readonly pattern: string
  readonly group: string | undefined
  readonly state: ConsumerState
  /** Why nothing is begun; empty while it runs. */
  readonly heldBy: readonly HoldReason[]
  /**
   * Settles when it has ended: resolves after `drain`, `close`, its signal or the normal end of the subscription;
   * rejects with the subscription's error, or with `ConsumerStoppedError` under `exhausted: 'stop'`. Need not be
   * awaited: an unobserved rejection is not an unhandled one.
   */
  readonly done: Promise<ConsumerReport>
  /** A snapshot of all counters. It always balances: see `assertConsumerBalanced`. */
  ledger(): ConsumerLedger
  /** Begins nothing more until `resume`; what runs goes on. Idempotent. */
  pause(): void
  resume(): void
  /**
   * Takes nothing new (what waits in a mailbox of its own is not new), finishes what is inside, retries included, and
   * hands back what is left after `timeoutMs` (30000). Never rejects once the options are valid. Idempotent;
   * concurrent calls share one drain and its deadline. Awaited inside a handler it waits for that handler, up to the
   * deadline.
   */
  drain(options?: DrainOptions): Promise<ConsumerReport>
  /** Ends it now: running attempts are aborted, and everything inside is handed back. Idempotent. */
  close(): Promise<ConsumerReport>
}
