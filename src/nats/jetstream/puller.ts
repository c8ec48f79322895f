import type { Msg, Subscription } from '@nats-io/nats-core'
import type { JetStreamApi } from './api.ts'
import { inbox } from './courier.ts'
import type { Link } from './link.ts'

/** Who asked. None of it may throw. */
export interface PullListener {
  /** A message of the consumer. */
  arrived(msg: Msg): void
  /** Less is on its way than was asked for: ask again, if it is still wanted. */
  unanswered(): void
  /** The server says that the consumer is gone, or says nothing at all. */
  silent(gone: boolean): void
}

const expiresMs = 30_000
const heartbeatMs = 2_000
const toNanos = 1e6

/**
 * Asks a consumer of the server for messages, so many at a time. The client could do it too, but it asks for as many as it
 * has been told to at the beginning; here whoever reads decides anew each time.
 */
export class Puller {
  readonly #link: Link
  readonly #subject: string
  readonly #inbox: string
  readonly #listener: PullListener
  readonly #subscription: Subscription
  #asked = 0
  #heard = false
  #cancelWatch: (() => void) | undefined
  #closed = false

  constructor(api: JetStreamApi, stream: string, consumer: string, listener: PullListener) {
    this.#link = api.link
    this.#subject = `${api.prefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`
    this.#inbox = inbox(api.link)
    this.#listener = listener
    this.#subscription = api.link.connection.subscribe(this.#inbox, {
      callback: (error, msg) => {
        if (error !== null) return api.link.note(error)
        try {
          this.#take(msg)
        } catch (failure) {
          api.link.note(failure) // thrown further it would end the client's read loop
        }
      },
    })
  }

  /** Messages that are on their way, or will be. */
  get asked(): number {
    return this.#asked
  }

  ask(messages: number): void {
    if (messages <= 0 || this.#closed || !this.#link.up) return
    this.#asked += messages
    const expires = expiresMs * toNanos
    const heartbeat = heartbeatMs * toNanos
    const request = `{"batch":${messages},"expires":${expires},"idle_heartbeat":${heartbeat}}`
    this.#link.connection.publish(this.#subject, request, { reply: this.#inbox })
    this.#watch()
  }

  /** What was asked for will not come: the connection was away, or the consumer. */
  reset(): void {
    this.#asked = 0
    this.#heard = true
  }

  /**
   * Asks no more. A server gives up a message that it has already assigned to somebody who stops listening at that moment,
   * until its deadline passes; so this listens until what was asked for has come, or nothing comes. Resolves then.
   */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#cancelWatch?.()
    try {
      for (let before = -1; this.#asked > 0 && this.#asked !== before && this.#link.up;) {
        before = this.#asked
        await this.#link.connection.flush()
      }
      if (!this.#subscription.isClosed()) await this.#subscription.drain()
    } catch {
      // The connection is away: nothing arrives any more.
      if (!this.#subscription.isClosed()) this.#subscription.unsubscribe()
    }
  }

  #take(msg: Msg): void {
    this.#heard = true
    // Only what comes from a consumer has somewhere to be acked.
    if (msg.reply !== '') {
      if (this.#asked > 0) this.#asked--
      this.#listener.arrived(msg)
      return
    }
    const { code = 0, description = '' } = msg.headers ?? {}
    if (code === 100 || this.#closed) return
    if (code === 409 && /deleted/i.test(description)) return this.#listener.silent(true)
    if (code === 503) return this.#listener.silent(false)
    const left = Number(msg.headers?.get('Nats-Pending-Messages') ?? '')
    this.#asked = left > 0 ? Math.max(0, this.#asked - left) : 0
    if (code === 408 || code === 404) return this.#listener.unanswered()
    // Anything else, such as a change of leader, needs a moment.
    this.#link.note(new Error(`${this.#subject}: ${code} ${description}`))
    this.#link.clock.schedule(() => this.#listener.unanswered(), 250, true)
  }

  /** The server says every two seconds that it has nothing; when it does not say that either, something is wrong. */
  #watch(): void {
    if (this.#cancelWatch !== undefined) return
    this.#heard = false
    this.#cancelWatch = this.#link.clock.schedule(
      () => {
        this.#cancelWatch = undefined
        if (this.#closed || this.#asked === 0) return
        if (this.#heard || !this.#link.up) this.#watch()
        else this.#listener.silent(false)
      },
      heartbeatMs * 2.5,
      true,
    )
  }
}
