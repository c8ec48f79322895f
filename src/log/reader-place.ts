import type { MailboxCounts, MailboxLedger } from '../core/ledger.ts'
import type { Place } from '../core/memory-subscription.ts'

/** Someone who reads a log, as its broker sees it. */
export interface LogReading {
  ledger(): MailboxLedger
  drain(options?: { readonly timeoutMs?: number }): Promise<void>
  end(reason: 'closed', brokerEnds: boolean): void
}

/** Where the readers of a log stand. */
export interface ReaderPlace extends Place {
  /** The group whose members stand here. */
  readonly group?: string | undefined
  readonly readers: Set<LogReading>
  /** A reader has ended with these books. */
  ended(counts: MailboxCounts): void
}
