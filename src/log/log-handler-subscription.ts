import type { DrainOptions, Handler, HandlerSubscription } from '../core/contract.ts'
import { Drain } from '../core/drain.ts'
import { describeMailbox, type SpillwayError } from '../core/errors.ts'
import type { MailboxLedger } from '../core/ledger.ts'
import { mailboxLedger } from '../core/mailbox.ts'
import { type EndReason, MemorySubscription } from '../core/memory-subscription.ts'
import type { SubscriptionSettings } from '../core/settings.ts'
import { Worker } from '../core/worker.ts'
import { ReaderBooks } from './reader-books.ts'
import type { ReaderPlace } from './reader-place.ts'
import type { RecordSource } from './record-source.ts'

/** A subscription that calls a handler with every record of a log, from a position on, in order. */
export class LogHandlerSubscription extends MemorySubscription<ReaderPlace> implements HandlerSubscription {
  readonly settings: SubscriptionSettings
  readonly #source: RecordSource
  readonly #books: ReaderBooks
  readonly #worker: Worker
  #drain: Drain | undefined
  #waiting = false
  #pumping = false

  constructor(
    place: ReaderPlace,
    number: number,
    handler: Handler,
    source: RecordSource,
    settings: SubscriptionSettings,
    signal: AbortSignal | undefined,
  ) {
    super(place, number, signal)
    this.settings = settings
    this.#source = source
    this.#books = new ReaderBooks(source)
    this.#worker = new Worker(handler, settings.concurrency, this, place.host.observers, () => this.#pump())
    place.readers.add(this)
    void Promise.resolve().then(() => this.#pump()) // cannot reject: the worker catches what handlers throw
  }

  get group(): string | undefined {
    return this.fanout.group
  }

  get pending(): number {
    return this.closed ? 0 : this.#source.pending
  }

  ledger(): MailboxLedger {
    const { group, name } = this
    return mailboxLedger(group === undefined ? name : { ...name, group }, this.settings, this.#books.counts())
  }

  async drain(options?: DrainOptions): Promise<void> {
    if (this.closed) return
    if (this.#drain === undefined) {
      this.#drain = new Drain(options, this.fanout.host.clock, () => this.close())
      this.#source.stop()
      this.#pump()
    }
    await this.#drain.promise
  }

  protected finish(_reason: EndReason): void {
    const { failure } = this.#source
    // A loop rejects; a handler has nobody to tell but the observer, and silence is what nobody wants.
    if (failure !== undefined && !this.fanout.host.observers.wants('closed'))
      console.warn(`Spillway: ${describeMailbox(this.name)} has ended. ${failure.message}`)
    this.fanout.readers.delete(this)
    this.fanout.ended(this.#books.close())
    this.#source.close()
    this.#source.wake()
    this.#drain?.settle()
  }

  protected override errorFor(): SpillwayError | undefined {
    return this.#source.failure
  }

  #pump(): void {
    if (this.#pumping) return // a synchronous handler that publishes comes back here
    this.#pumping = true
    // Not for ever: a handler that publishes what it reads must leave the others their turn.
    for (let left = this.settings.capacity; left > 0 && !this.closed && this.#worker.idle; left--) {
      const message = this.#source.take()
      if (message === undefined) break
      this.#books.delivered++
      this.#worker.runQueued(message)
    }
    this.#pumping = false
    if (this.closed) return
    const { exhausted, failure } = this.#source
    if (failure !== undefined || (exhausted && this.#worker.active === 0)) this.end('closed', false)
    else if (this.#worker.idle && !exhausted) this.#wait()
  }

  #wait(): void {
    if (this.#waiting) return
    this.#waiting = true
    void this.#source.wait().then(() => {
      this.#waiting = false
      this.#pump()
    })
  }
}
