import type { SignalRegistry } from './abort.ts'
import type { Clock } from './clock.ts'
import type { PublishOptions, Receipt } from './contract.ts'
import {
  BrokerClosedError,
  MailboxFullError,
  type MailboxName,
  PublishTimeoutError,
  SelfBlockError,
} from './errors.ts'
import type { Message } from './message.ts'

/** A copy whose publisher waits for room in a mailbox. */
export interface Waiter {
  readonly message: Message
  readonly ticket: Ticket
  readonly mailbox: WaitingRoom
  readonly since: number
  readonly deadline: number
}

/** The mailbox side of waiting, as a ticket sees it. */
export interface WaitingRoom {
  readonly name: MailboxName
  /** Takes the copy out of the queue of waiters and counts it as dropped; false when it is not there any more. */
  giveUp(waiter: Waiter, reason: 'timeout' | 'aborted'): boolean
}

/** What a publish that must wait for every mailbox asks for. */
export interface Insistence {
  readonly message: Message
  readonly timeoutMs: number
}

/**
 * A publish that could not be settled at once: mailboxes it waits for, and mailboxes that refused it. Made only
 * when a mailbox asks for it, so an ordinary publish allocates none.
 */
export class Ticket {
  readonly message: Message
  readonly #clock: Clock
  readonly #signals: SignalRegistry
  readonly #since: number
  readonly #undecided = new Set<Waiter>()
  readonly #stalled: MailboxName[] = []
  #refused: readonly MailboxName[] = []
  readonly #own: MailboxName[] = []
  #lost: BrokerClosedError | undefined
  #aborted = false
  #insistence: Insistence | undefined
  #settle: (() => void) | undefined
  #cancelTimer: (() => void) | undefined

  constructor(message: Message, clock: Clock, signals: SignalRegistry) {
    this.message = message
    this.#signals = signals
    this.#clock = clock
    this.#since = clock.now()
  }

  /** Enters a copy that waits for `mailbox`; the mailbox keeps the returned waiter in its queue. */
  wait(mailbox: WaitingRoom, timeoutMs: number): Waiter {
    const since = this.#clock.now()
    const waiter = { message: this.message, ticket: this, mailbox, since, deadline: since + timeoutMs }
    this.#undecided.add(waiter)
    return waiter
  }

  /** Full mailboxes have not taken the copy and never will. */
  refuse(names: readonly MailboxName[]): void {
    this.#refused = this.#refused.length === 0 ? names : [...this.#refused, ...names]
  }

  refuseOwn(name: MailboxName): void {
    this.#own.push(name)
  }

  /** The mailbox took the copy, or ended and will never take it: its publisher waits no longer. */
  release(waiter: Waiter): void {
    if (this.#undecided.delete(waiter) && this.#undecided.size === 0) this.#settle?.()
  }

  /** The broker closed under the waiting copy. */
  lose(waiter: Waiter): void {
    this.#lost = new BrokerClosedError('finish a waiting publish')
    this.release(waiter)
  }

  /** Settles when every copy is decided. Called once, when the fan-out is over. */
  outcome(
    receipt: Promise<Receipt>,
    options: PublishOptions | undefined,
    insistence?: Insistence,
  ): Promise<Receipt> {
    this.#insistence = insistence
    if (this.#undecided.size === 0) return this.#verdict(options) ?? receipt
    return new Promise<Receipt>((resolve) => {
      const signal = options?.signal
      const waiting = { close: () => this.#abort() }
      this.#settle = () => {
        this.#cancelTimer?.()
        if (signal !== undefined) this.#signals.remove(signal, waiting)
        resolve(this.#verdict(options) ?? receipt)
      }
      if (signal !== undefined) this.#signals.add(signal, waiting)
      this.#armTimer()
      if (signal?.aborted === true) this.#abort() // a callback of this very publish may have aborted it
    })
  }

  #verdict(options: PublishOptions | undefined): Promise<Receipt> | undefined {
    const error = this.#error(options)
    return error === undefined ? undefined : Promise.reject(error.reason)
  }

  #error(options: PublishOptions | undefined): { readonly reason: unknown } | undefined {
    const { topic } = this.message
    if (this.#lost !== undefined) return { reason: this.#lost }
    if (this.#aborted && this.#insistence === undefined) return { reason: options?.signal?.reason }
    if (this.#stalled.length > 0) {
      const waitedMs = this.#clock.now() - this.#since
      const cause = this.#aborted ? { cause: options?.signal?.reason as unknown } : undefined
      return { reason: new PublishTimeoutError(topic, this.#stalled, this.#refused, waitedMs, cause) }
    }
    if (this.#own.length > 0) return { reason: new SelfBlockError(topic, this.#own) }
    if (this.#refused.length > 0) return { reason: new MailboxFullError(topic, this.#refused) }
    return undefined
  }

  #armTimer(): void {
    let earliest = Number.POSITIVE_INFINITY
    for (const waiter of this.#undecided) earliest = Math.min(earliest, waiter.deadline)
    this.#cancelTimer = this.#clock.schedule(() => this.#expire(), earliest - this.#clock.now())
  }

  #expire(): void {
    const now = this.#clock.now()
    for (const waiter of this.#undecided) {
      // A timer may fire a fraction of a millisecond before the clock shows the deadline.
      if (waiter.deadline <= now + 1) this.#giveUp(waiter, 'timeout')
    }
    if (this.#undecided.size > 0) this.#armTimer()
  }

  #abort(): void {
    this.#aborted = true
    for (const waiter of this.#undecided) this.#giveUp(waiter, 'aborted')
  }

  #giveUp(waiter: Waiter, reason: 'timeout' | 'aborted'): void {
    if (waiter.mailbox.giveUp(waiter, reason)) this.#stalled.push(waiter.mailbox.name)
    this.release(waiter)
  }
}

/**
 * Where mailboxes find what the publish that offers a message is about. Publishes nest, and an inner one may have to
 * finish what an outer one began, so everything is found by its message.
 */
export class Desk {
  readonly #clock: Clock
  readonly #signals: SignalRegistry
  readonly #tickets: Ticket[] = []
  readonly #insistences: Insistence[] = []
  /** True when some publish under way may have something to wait for: the publisher's fast check. */
  busy = false

  constructor(clock: Clock, signals: SignalRegistry) {
    this.#clock = clock
    this.#signals = signals
  }

  /** The ticket of the publish that offers `message`, made on first need. */
  open(message: Message): Ticket {
    let ticket = this.#tickets.find((one) => one.message === message)
    if (ticket === undefined) {
      ticket = new Ticket(message, this.#clock, this.#signals)
      this.#tickets.push(ticket)
      this.busy = true
    }
    return ticket
  }

  /** Takes the ticket of a publish whose fan-out is over; undefined when nobody asked for one. */
  close(message: Message): Ticket | undefined {
    const index = this.#tickets.findIndex((one) => one.message === message)
    const [ticket] = index < 0 ? [] : this.#tickets.splice(index, 1)
    this.busy = this.#tickets.length > 0
    return ticket
  }

  /** Remembers, during its fan-out, that a message must be waited for everywhere. */
  insist(insistence: Insistence): void {
    this.#insistences.push(insistence)
  }

  desist(insistence: Insistence): void {
    this.#insistences.splice(this.#insistences.indexOf(insistence), 1)
  }

  insistenceOn(message: Message): Insistence | undefined {
    return this.#insistences.length === 0
      ? undefined
      : this.#insistences.find((one) => one.message === message)
  }
}
