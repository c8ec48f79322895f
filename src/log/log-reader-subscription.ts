import type { DrainOptions } from '../core/contract.ts'
import { Drain } from '../core/drain.ts'
import type { SpillwayError } from '../core/errors.ts'
import type { MailboxLedger } from '../core/ledger.ts'
import { type Mailbox, mailboxLedger } from '../core/mailbox.ts'
import type { EndReason } from '../core/memory-subscription.ts'
import type { Message } from '../core/message.ts'
import { ReadingSubscription } from '../core/reading-subscription.ts'
import type { SubscriptionSettings } from '../core/settings.ts'
import type { ReaderPlace } from './reader-place.ts'
import { ReaderBooks } from './reader-books.ts'
import type { RecordSource } from './record-source.ts'

/** A subscription that reads a log at its own pace: `for await`, `batches()`, `poll()` and `next()`. */
export class LogReaderSubscription extends ReadingSubscription<ReaderPlace> {
  readonly settings: SubscriptionSettings
  protected mailbox: Mailbox
  readonly #source: RecordSource
  readonly #books: ReaderBooks
  #drain: Drain | undefined

  constructor(
    place: ReaderPlace,
    number: number,
    source: RecordSource,
    settings: SubscriptionSettings,
    signal: AbortSignal | undefined,
  ) {
    super(place, number, signal)
    this.settings = settings
    this.#source = source
    this.#books = new ReaderBooks(source)
    this.mailbox = new SourceMailbox(source, this.#books, () => this.#look())
    place.readers.add(this)
  }

  get group(): string | undefined {
    return this.fanout.group
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
      this.#look()
      this.#source.wake()
    }
    await this.#drain.promise
  }

  protected finish(reason: EndReason): void {
    this.fanout.readers.delete(this)
    this.fanout.ended(this.#books.close())
    this.wakeReader(reason)
    this.#source.close()
    this.#source.wake()
    this.#drain?.settle()
  }

  protected override errorFor(): SpillwayError | undefined {
    return this.#source.failure
  }

  /** Ends it when the source has nothing more to give. */
  #look(): void {
    if (this.closed) return
    if (this.#source.failure !== undefined || this.#source.exhausted) this.end('closed', false)
  }
}

/** A source as the ways of reading see it. */
class SourceMailbox implements Mailbox {
  readonly #source: RecordSource
  readonly #books: ReaderBooks
  readonly #look: () => void

  constructor(source: RecordSource, books: ReaderBooks, look: () => void) {
    this.#source = source
    this.#books = books
    this.#look = look
  }

  get pending(): number {
    return this.#source.pending
  }

  take(): Message | undefined {
    const message = this.#source.take()
    if (message === undefined) this.#look()
    else this.#count(1)
    return message
  }

  takeBatch(max: number): readonly Message[] {
    const messages = this.#source.takeBatch(max)
    if (messages.length === 0) this.#look()
    else this.#count(messages.length)
    return messages
  }

  wait(): Promise<void> {
    return this.#source.wait()
  }

  wake(): void {
    this.#source.wake()
  }

  #count(taken: number): void {
    this.#books.delivered += taken
    if (this.#source.exhausted) this.#look()
  }
}
