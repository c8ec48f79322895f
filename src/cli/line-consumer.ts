import type { MemoryBroker, OverflowOptions, MemoryPolicy, Subscription } from '../core/contract.ts'
import type { MailboxLedger } from '../core/ledger.ts'
import type { Message } from '../core/message.ts'
import { longestLineBytes } from './read-lines.ts'

/** What one line is published as. */
export interface LinePayload {
  /** Line number, from 1. */
  readonly line: number
  /** The parsed line if it is JSON, else its text. */
  readonly data: unknown
  readonly bytes: number
}

export type LineBroker = MemoryBroker<Record<string, LinePayload>>

/** Long lines fill a mailbox before 1,024 of them do. */
const capacityBytes = 64 * longestLineBytes

/** Takes lines from a mailbox: so many per second, or all there are. */
export class LineConsumer {
  readonly overflow: MemoryPolicy
  readonly #subscription: Subscription<Message<LinePayload>>
  /** Undefined: as fast as it can. */
  readonly #perSecond: number | undefined
  #polls = 0

  constructor(
    broker: LineBroker,
    pattern: string,
    overflow: MemoryPolicy,
    settings: {
      readonly capacity: number
      readonly keys: number
      readonly drainPerSecond: number | undefined
    },
  ) {
    this.overflow = overflow
    this.#perSecond = settings.drainPerSecond
    this.#subscription = broker.subscribe(pattern, {
      capacity: settings.capacity,
      capacityBytes,
      sizeOf: ({ payload }) => payload.bytes,
      ...policyOptions(overflow, settings.keys),
    })
  }

  get ledger(): MailboxLedger {
    return this.#subscription.ledger()
  }

  /** Takes what it may take by now, `seconds` after the start. */
  turn(seconds: number): void {
    if (this.#perSecond === undefined) {
      while (this.#subscription.poll() !== undefined);
      return
    }
    // A poll of an empty mailbox is lost: whoever had nothing to do does not work faster afterwards.
    const due = Math.floor(seconds * this.#perSecond)
    while (this.#polls < due) {
      this.#polls++
      if (this.#subscription.poll() === undefined) this.#polls = due
    }
  }
}

function policyOptions(overflow: MemoryPolicy, keys: number): OverflowOptions<Message<LinePayload>> {
  if (overflow === 'latest') return { overflow, key: ({ payload }) => payload.line % keys }
  if (overflow === 'block') return { overflow, blockTimeoutMs: Number.POSITIVE_INFINITY }
  return { overflow }
}
