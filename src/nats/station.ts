import type { Msg, NatsConnection, Subscription } from '@nats-io/nats-core'
import { BrokerClosedError } from '../core/errors.ts'
import type { Fanout } from '../core/fanout.ts'
import { isClosed } from './errors.ts'
import { NatsMessage, type Origin } from './message.ts'

/** What a station tells its broker. */
export interface StationListener {
  /** The server refuses the subscription: nothing will come. */
  refused(station: Station, error: Error): void
  /** Something threw that must not reach the client, whose reader it would end. */
  threw(error: unknown): void
}

/** Where the messages of one pattern arrive, for one group or for nobody's: one subscription of the client. */
export class Station {
  readonly fanout: Fanout
  readonly group: string | undefined
  readonly #connection: NatsConnection
  readonly #origin: Origin
  readonly #listener: StationListener
  #subscription: Subscription | undefined
  /** Whoever else wants to leave waits for the same. */
  #leaving: Promise<void> | undefined

  constructor(
    fanout: Fanout,
    group: string | undefined,
    connection: NatsConnection,
    origin: Origin,
    listener: StationListener,
  ) {
    this.fanout = fanout
    this.group = group
    this.#connection = connection
    this.#origin = origin
    this.#listener = listener
  }

  /** Subscribes, unless it is subscribed. Throws `BrokerClosedError` when the client takes no subscriptions any more. */
  open(): void {
    if (this.#subscription !== undefined) return
    const callback = (error: Error | null, msg: Msg): void => this.#take(error, msg)
    try {
      this.#subscription = this.#connection.subscribe(
        this.fanout.pattern,
        this.group === undefined ? { callback } : { callback, queue: this.group },
      )
    } catch (error) {
      throw isClosed(error) ? new BrokerClosedError('subscribe') : error
    }
  }

  /**
   * Tells the server to send nothing more, and resolves when everything it has sent before has arrived. Without a server
   * nothing can come, and nothing is waited for.
   */
  async leave(connected: boolean): Promise<void> {
    const subscription = this.#subscription
    this.#subscription = undefined
    if (!connected) return subscription?.unsubscribe()
    if (subscription !== undefined) this.#leaving = subscription.drain().catch(noop)
    await this.#leaving
  }

  /** Nothing more arrives from now on. */
  close(): void {
    this.#subscription?.unsubscribe()
    this.#subscription = undefined
  }

  /** Runs inside the reader of the client, which does not survive an error. */
  #take(error: Error | null, msg: Msg): void {
    try {
      if (error === null) this.fanout.deliver(new NatsMessage(msg, this.#origin))
      else this.#listener.refused(this, error)
    } catch (thrown) {
      this.#listener.threw(thrown)
    }
  }
}

function noop(): void {}
