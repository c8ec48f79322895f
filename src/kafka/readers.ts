import { checkSignal } from '../core/abort.ts'
import type { Handler, HandlerOptions } from '../core/contract.ts'
import { InvalidOptionError } from '../core/errors.ts'
import type { MailboxCounts } from '../core/ledger.ts'
import { checkPosition, type Position } from '../core/position.ts'
import { type SubscriptionSettings, subscriptionSettings } from '../core/settings.ts'
import { checkPattern } from '../core/topic.ts'
import { LogHandlerSubscription } from '../log/log-handler-subscription.ts'
import { LogReaderSubscription } from '../log/log-reader-subscription.ts'
import type { ReaderPlace } from '../log/reader-place.ts'
import type { Deps } from './deps.ts'
import { ReaderSource } from './reader-source.ts'

export type ReadOptions = HandlerOptions & { readonly from?: Position }

/** The subscriptions without a group. */
export class Readers {
  readonly #deps: Deps
  readonly #nonce: string
  readonly #place: (pattern: string) => ReaderPlace
  readonly #nextNumber: () => number
  readonly #placing: (finding: Promise<void>) => void
  readonly #leaving = new Set<Promise<void>>()

  constructor(
    deps: Deps,
    nonce: string,
    place: (pattern: string) => ReaderPlace,
    nextNumber: () => number,
    placing: (finding: Promise<void>) => void,
  ) {
    this.#deps = deps
    this.#nonce = nonce
    this.#place = place
    this.#nextNumber = nextNumber
    this.#placing = placing
  }

  /** Throws what is wrong with the options; what is wrong with the position ends the subscription with its error. */
  open(
    pattern: string,
    handler: Handler | undefined,
    options: ReadOptions,
  ): LogReaderSubscription | LogHandlerSubscription {
    checkPattern(pattern)
    checkSignal(options.signal)
    const settings = readerSettings(options)
    const from = checkPosition('from', options.from ?? 'end', pattern)
    const number = this.#nextNumber()
    const source = new ReaderSource(
      this.#deps,
      `spillway-reader-${this.#nonce}-${number}`,
      pattern,
      from,
      options.capacity,
    )
    this.#placing(source.prepared)
    const place = this.#place(pattern)
    const here = {
      ...place,
      ended: (counts: Parameters<ReaderPlace['ended']>[0]) => {
        place.ended(options.from === undefined ? withDropped(counts, source.pending) : counts)
        void Promise.resolve().then(() => this.#leave(source)) // the source is closed right after the books
      },
    }
    const subscription =
      handler === undefined
        ? new LogReaderSubscription(here, number, source, settings, options.signal)
        : new LogHandlerSubscription(here, number, handler, source, settings, options.signal)
    if (options.signal?.aborted === true) subscription.close()
    return subscription
  }

  /** Resolves when all that have ended have left the server. */
  async left(): Promise<void> {
    await Promise.resolve()
    await Promise.all(this.#leaving)
  }

  #leave({ ended }: ReaderSource): void {
    if (ended === undefined) return
    this.#leaving.add(ended)
    void ended.then(() => this.#leaving.delete(ended))
  }
}

/** What a reader of what comes has not taken at its end is lost to it, as it would be in a mailbox; in the log it stays. */
function withDropped(counts: MailboxCounts, pending: number): MailboxCounts {
  const dropped = { ...counts.dropped, closed: counts.dropped.closed + pending }
  return { ...counts, routed: counts.routed + pending, dropped }
}

const mailboxOptions = ['overflow', 'capacityBytes', 'sizeOf', 'key', 'onDrop'] as const

/** The options of a reader: those that are about a mailbox are refused, for it has none. */
function readerSettings(options: ReadOptions): SubscriptionSettings {
  const given: Partial<Record<(typeof mailboxOptions)[number], unknown>> = options
  const meaningless = mailboxOptions.find((name) => given[name] !== undefined)
  if (meaningless !== undefined)
    throw new InvalidOptionError(
      meaningless,
      given[meaningless],
      'A subscription reads the log of Kafka at its own pace: it has no mailbox, and nothing overflows.',
    )
  const { from: _, ...rest } = options
  return subscriptionSettings(rest)
}
