import { createInbox, type Msg, type MsgHdrs, type Subscription } from '@nats-io/nats-core'
import type { Link } from './link.ts'

/** Something that is sent until it is answered. */
export interface Parcel {
  readonly subject: string
  readonly bytes: Uint8Array
  readonly headers: MsgHdrs | undefined
  /** When there is no use in sending it any more, in milliseconds as of the clock. */
  readonly deadlineAt: number
  /** When it is sent again, if no answer has come. */
  resendAt: number
  /** How often it was handed to a connected client. */
  tries: number
  /** Its place in the courier's books. */
  token: string
  /** Returns whether this settles it; if not, it is sent again at `resendAt`. */
  answered(answer: Msg): boolean
  /** The deadline has passed. */
  expired(): void
  /** The client refused to send it. */
  refused(error: unknown): void
}

/** How often it looks for deadlines. They are in seconds, so this is soon enough. */
const sweepEveryMs = 100

/**
 * Sends requests until they are answered: once at first, all of them again and in order when the connection comes back, and
 * each by itself when no answer comes. A request of the client does not do: it is lost with the connection, and its timer
 * costs more than the message.
 */
export class Courier<Kind extends Parcel = Parcel> {
  readonly #link: Link
  readonly #resendAfterMs: number
  readonly #prefix: string
  readonly #subscription: Subscription
  readonly #open = new Map<string, Kind>()
  #tokens = 0
  #cancelSweep: (() => void) | undefined
  #whenEmpty: (() => void)[] = []

  constructor(link: Link, resendAfterMs: number) {
    this.#link = link
    this.#resendAfterMs = resendAfterMs
    this.#prefix = inbox(link)
    this.#subscription = link.connection.subscribe(`${this.#prefix}.*`, {
      callback: (error, answer) => {
        // What is thrown here would end the client's read loop.
        if (error !== null) return link.note(error)
        this.#answered(answer)
      },
    })
    link.add(this)
  }

  /** What is not settled, in order. */
  get open(): readonly Kind[] {
    return [...this.#open.values()]
  }

  /** Takes charge of it. While the server is away it waits here. */
  send(parcel: Kind): void {
    parcel.token = (this.#tokens++).toString(36)
    this.#open.set(parcel.token, parcel)
    if (this.#link.up) this.#transmit(parcel)
    this.#arm()
  }

  /** Forgets it: an answer would come too late. */
  drop(parcel: Kind): void {
    if (this.#open.delete(parcel.token)) this.#settled()
  }

  /** The connection is back: nobody knows what has arrived. */
  up(): void {
    for (const parcel of this.open) this.#transmit(parcel)
  }

  /** The connection has ended: nothing will be answered. */
  closed(): void {
    for (const parcel of this.open) {
      this.#open.delete(parcel.token)
      parcel.expired()
    }
    this.#settled()
  }

  /** Resolves when everything is settled. */
  empty(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenEmpty.push(resolve))
  }

  /** What is still open expires now. Idempotent. */
  close(): void {
    this.#link.remove(this)
    this.#cancelSweep?.()
    this.#cancelSweep = undefined
    this.closed()
    if (!this.#subscription.isClosed()) this.#subscription.unsubscribe()
  }

  #answered(answer: Msg): void {
    const parcel = this.#open.get(answer.subject.slice(this.#prefix.length + 1))
    if (parcel === undefined) return
    try {
      if (!parcel.answered(answer)) return
    } catch (error) {
      this.#link.note(error)
      return // it is sent again
    }
    this.#open.delete(parcel.token)
    this.#settled()
  }

  #transmit(parcel: Kind): void {
    parcel.resendAt = this.#link.clock.now() + this.#resendAfterMs
    const reply = `${this.#prefix}.${parcel.token}`
    const { headers } = parcel
    try {
      this.#link.connection.publish(
        parcel.subject,
        parcel.bytes,
        headers === undefined ? { reply } : { reply, headers },
      )
      parcel.tries++
    } catch (error) {
      this.#open.delete(parcel.token)
      parcel.refused(error)
      this.#settled()
    }
  }

  #settled(): void {
    if (this.#open.size > 0) return
    const waiting = this.#whenEmpty
    this.#whenEmpty = []
    for (const resolve of waiting) resolve()
  }

  #arm(): void {
    this.#cancelSweep ??= this.#link.clock.schedule(() => this.#sweep(), sweepEveryMs)
  }

  #sweep(): void {
    this.#cancelSweep = undefined
    const now = this.#link.clock.now()
    for (const parcel of this.open) {
      if (now >= parcel.deadlineAt) {
        this.#open.delete(parcel.token)
        parcel.expired()
        this.#settled()
      } else if (now >= parcel.resendAt && this.#link.up) {
        this.#transmit(parcel)
      }
    }
    if (this.#open.size > 0) this.#arm()
  }
}

/** A subject of its own for answers, with the prefix that the connection was given. */
export function inbox(link: Link): string {
  const { options } = link.connection as { options?: { inboxPrefix?: string } }
  return createInbox(options?.inboxPrefix)
}
