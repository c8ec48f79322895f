import type { NatsConnection } from '@nats-io/nats-core'
import type { Clock } from '../core/clock.ts'
import type { PayloadCodec } from '../core/codec.ts'
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
} from '../core/contract.ts'
import type { AnyEvents, MessageOf, PayloadOf, TopicOf, ValidPattern } from '../core/event-map.ts'
import type { Health } from '../core/health.ts'
import type { Ledger, TransportCounts } from '../core/ledger.ts'
import type { Observer } from '../core/observer.ts'
import type { PayloadSchema } from '../core/schema.ts'

/** What the broker of `createNatsBroker` provides. */
export type NatsCapability = 'groups' | 'wildcards' | 'order' | 'remote' | 'reconnect'

/** What is kept of what is published while the server is away. */
export interface OutageLimits {
  /** At most so many messages; a whole number from 1. @defaultValue 10000 */
  readonly messages?: number
  /** At most so many bytes. @defaultValue 8388608 (8 MiB) */
  readonly bytes?: number
  /** No message longer than so many milliseconds; `Infinity` must be typed. @defaultValue 30000 */
  readonly timeoutMs?: number
}

export interface NatsBrokerOptions {
  /** A connection that you own, best made by `connectNats`. The broker never closes it. */
  readonly connection: NatsConnection
  /** Refuses to start unless the broker provides these. @defaultValue none */
  readonly requires?: readonly NatsCapability[]
  /** Validates payloads at publish: a Standard Schema per topic or pattern; the topic's own wins. Costs the validation. */
  readonly schemas?: Readonly<Record<string, PayloadSchema>>
  /** Turns payloads into bytes and back. @defaultValue JSON; bytes stay bytes, marked by a header */
  readonly codec?: PayloadCodec
  /** Hears of everything from the first event on. */
  readonly observer?: Observer
  /** Where time comes from. @defaultValue the clock of the machine */
  readonly clock?: Clock
  /**
   * What becomes of a publish while the server is away. `reject`: it rejects with `DisconnectedError`. `buffer`: the
   * message is kept, and handed over in order when the server is back; the publish settles then, or rejects with
   * `DisconnectedError` when there is no room or the message has waited too long. @defaultValue 'reject'
   */
  readonly whileDisconnected?: 'reject' | { readonly buffer: OutageLimits }
  /**
   * How many bytes may have been handed over that the server has not read. Publishes wait from an eighth of it on; one that
   * would exceed it rejects with `PublishOverloadedError`. @defaultValue 67108864 (64 MiB)
   */
  readonly maxUnreadBytes?: number
}

export interface NatsLedger extends Ledger {
  /** `confirmed`: the server has read them. `unknown`: it had not said so when the connection was lost. */
  readonly transport: TransportCounts
}

/** What a message from a server has besides: its body as it came, also when it cannot be decoded. */
export interface RawBody {
  readonly raw: Uint8Array
}

/** A publisher bound to one topic. */
export interface NatsPublisher<Payload> {
  readonly topic: string
  publish(payload: Payload, options?: PublishOptions): Promise<Receipt>
}

/**
 * Core NATS: what is published reaches whoever is subscribed at this moment, anywhere; nobody stores it. The ledger of a
 * broker has what it published, and what its own subscriptions received.
 */
export interface NatsBroker<E extends object = AnyEvents> extends Broker<E> {
  readonly capabilities: Capabilities<NatsCapability>
  /**
   * Resolves with the level `accepted` when the message was handed to a connected client: the server may still lose it,
   * and nobody may be subscribed (`routed` is true because nobody knows better). It waits while the server reads too
   * slowly, and rejects with `PublishUnconfirmedError` when the connection is lost meanwhile.
   * An `id` travels as a header, as do `headers`; messages without either are twice as fast.
   */
  publish<T extends TopicOf<E>>(
    topic: T,
    payload: PayloadOf<E, T>,
    options?: PublishOptions,
  ): Promise<Receipt>
  /**
   * The policies are `drop-newest`, `drop-oldest`, `latest` and `disconnect`; others throw `InvalidOptionError`, because the
   * publisher is elsewhere. The server learns of it in the background: await `flush` to be sure that it knows.
   */
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    options?: SubscribeOptions<MessageOf<E, P>>,
  ): Subscription<MessageOf<E, P> & RawBody>
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    handler: Handler<MessageOf<E, P> & RawBody>,
    options?: HandlerOptions<MessageOf<E, P>>,
  ): HandlerSubscription
  /** A publisher bound to one topic. */
  topic<T extends TopicOf<E>>(topic: T): NatsPublisher<PayloadOf<E, T>>
  /** Adds an observer; dispose to remove it. */
  observe(observer: Observer): Disposable
  /** How the connection stands. */
  health(): Health
  /**
   * Resolves when the server has read everything published so far and knows of every subscription made so far; waits for
   * a server that is away. Rejects with `PublishUnconfirmedError` when messages were lost with the connection meanwhile or
   * after `timeoutMs` (default 30000), and with `DisconnectedError` when the connection has ended.
   */
  flush(options?: DrainOptions): Promise<void>
  ledger(): NatsLedger
}
