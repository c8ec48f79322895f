import { checkSignal } from '../../core/abort.ts'
import type { DrainOptions, Handler, HandlerOptions } from '../../core/contract.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import { type MailboxCounts, type MailboxLedger, sumCounts } from '../../core/ledger.ts'
import { EndedCounts } from '../../core/mailbox.ts'
import type { InProcessBroker } from '../../core/memory-broker.ts'
import { checkPosition, type Position } from '../../core/position.ts'
import { subscriptionSettings } from '../../core/settings.ts'
import { checkPattern } from '../../core/topic.ts'
import { LogHandlerSubscription } from '../../log/log-handler-subscription.ts'
import { LogReaderSubscription } from '../../log/log-reader-subscription.ts'
import type { LogReading, ReaderPlace } from '../../log/reader-place.ts'
import type { SourceLog } from '../store/source-log.ts'
import { findStart } from './start.ts'
import { WalSource } from './wal-source.ts'

export type ReaderOptions = HandlerOptions & { readonly from?: Position }

/** The subscriptions that read the log from a position on. */
export class Readers {
  readonly #host: InProcessBroker
  #log: SourceLog
  readonly #readers = new Set<LogReading>()
  readonly #sources = new Set<WalSource>()
  readonly #ended = new EndedCounts()

  constructor(host: InProcessBroker, log: SourceLog) {
    this.#host = host
    this.#log = log
  }

  /** Throws what is wrong with the options, or with the position: it is evicted, or lies in the future. */
  open(
    pattern: string,
    from: Position,
    handler: Handler | undefined,
    options: ReaderOptions,
  ): LogReaderSubscription | LogHandlerSubscription {
    checkPattern(pattern)
    checkSignal(options.signal)
    if (options.overflow !== undefined)
      throw new InvalidOptionError(
        'overflow',
        options.overflow,
        'A subscription with `from` reads the log at its own pace: nothing overflows.',
      )
    const { from: _, ...rest } = options
    const settings = subscriptionSettings(rest)
    const source = new WalSource(
      this.#log,
      pattern,
      findStart(this.#log, pattern, checkPosition('from', from, pattern)),
    )
    this.#sources.add(source)
    const place = this.place(pattern, undefined, () => this.#sources.delete(source))
    const number = this.#host.nextNumber()
    const subscription =
      handler === undefined
        ? new LogReaderSubscription(place, number, source, settings, options.signal)
        : new LogHandlerSubscription(place, number, handler, source, settings, options.signal)
    if (options.signal?.aborted === true) subscription.close()
    return subscription
  }

  /** Where readers of a pattern stand. */
  place(pattern: string, group?: string, ended?: () => void): ReaderPlace {
    return {
      pattern,
      group,
      host: this.#host,
      readers: this.#readers,
      ended: (counts) => {
        ended?.()
        this.#ended.add(counts)
      },
    }
  }

  /** Goes on with a log that was opened anew. */
  renew(log: SourceLog): void {
    this.#log = log
    for (const source of this.#sources) source.renew(log)
  }

  /** Something has become visible, or has been removed. */
  notify(): void {
    for (const source of this.#sources) source.notify()
  }

  ledgers(): readonly MailboxLedger[] {
    return [...this.#readers].map((reader) => reader.ledger())
  }

  get ended(): MailboxCounts {
    return this.#ended.snapshot()
  }

  get copies(): number {
    return sumCounts([...this.ledgers(), this.ended]).routed
  }

  get delivered(): number {
    return sumCounts([...this.ledgers(), this.ended]).delivered
  }

  /** Lets every reader read to the present end; resolves with whether all of them did. */
  async drain(options: DrainOptions): Promise<boolean> {
    const waiting = this.ledgers().reduce((sum, { pending }) => sum + pending, 0)
    const before = this.delivered
    await Promise.all([...this.#readers].map((reader) => reader.drain(options)))
    return this.delivered - before >= waiting
  }

  close(): void {
    for (const reader of [...this.#readers]) reader.end('closed', true)
  }
}
