import type { SignalRegistry } from './abort.ts'
import type { Clock } from './clock.ts'
import type { DrainOptions, DropReason } from './contract.ts'
import type { MailboxName } from './errors.ts'
import type { Fanout } from './fanout.ts'
import { type MailboxCounts, type MailboxLedger, noDrops } from './ledger.ts'
import type { Message } from './message.ts'
import type { Observers } from './observers.ts'
import type { Reports } from './reports.ts'
import type { MailboxSettings } from './settings.ts'
import type { SpillStore } from './spill.ts'
import type { Desk } from './ticket.ts'

/**
 * The bounded buffer of one subscription or queue group. There are two, and they keep the same books:
 *
 * - `CursorMailbox`: a position in the ring that all readers of a pattern share. A publish costs the same however
 *   many there are. It serves the policies whose outcome can be told from positions alone, while the reader keeps up.
 * - `PrivateMailbox`: a buffer of its own, offered every copy. It serves policies that must decide at publish time
 *   (`block`, `latest`, byte limits, `onDrop`), queue groups, and any reader that has fallen a full mailbox behind.
 */
export interface Mailbox {
  /** Copies not yet taken. */
  readonly pending: number
  /** Takes the oldest copy. */
  take(): Message | undefined
  /** Takes up to `max` of the oldest copies; empty when there are none. */
  takeBatch(max: number): readonly Message[]
  /** Settles when it is worth looking again. */
  wait(): Promise<void>
  /** Settles what `wait` returned, because its reader has ended. */
  wake(waited: Promise<void>): void
}

/** Whose mailbox it is: a subscription or a queue group. */
export interface MailboxOwner {
  readonly name: MailboxName
  readonly settings: MailboxSettings
  /** The policy `disconnect` ended it; its mailbox has counted what was lost. */
  disconnected(): void
  /** Everything pending in its private mailbox has been taken. */
  emptied(mailbox: Mailbox): void
  ledger(): MailboxLedger
  /** Takes nothing new; resolves when everything inside has been handled or the deadline has passed. */
  drain(options?: DrainOptions): Promise<void>
  /** Ends it; when the whole broker ends, publishers that wait for it reject. */
  end(reason: 'closed' | 'disconnected', brokerEnds: boolean): void
}

/** What mailboxes, subscriptions and fan-outs share of their broker. */
export interface Host {
  readonly clock: Clock
  readonly desk: Desk
  readonly observers: Observers
  readonly reports: Reports
  readonly ended: EndedCounts
  /** Owners that take nothing new but whose mailboxes are not empty yet. */
  readonly draining: Set<MailboxOwner>
  readonly signals: SignalRegistry
  /** Where mailboxes put what they cannot hold, if there is such a place. */
  readonly spill: SpillStore | undefined
  /** A pattern has lost its last mailbox. */
  retire(fanout: Fanout): void
}

/** The counts of all mailboxes that have ended. */
export class EndedCounts {
  #routed = 0
  #delivered = 0
  readonly #dropped: Record<DropReason, number> = noDrops()

  /** Adds the final counts of a mailbox. */
  add(counts: MailboxCounts): void {
    this.#routed += counts.routed
    this.#delivered += counts.delivered
    for (const [name, count] of Object.entries(counts.dropped)) this.#dropped[name as DropReason] += count
  }

  /** A copy counted as delivered by an ended mailbox was not: it was under way when the subscription closed. */
  undeliver(): void {
    this.#delivered--
    this.#dropped.closed++
  }

  snapshot(): MailboxCounts {
    return {
      routed: this.#routed,
      delivered: this.#delivered,
      dropped: { ...this.#dropped },
      pending: 0,
      waiting: 0,
    }
  }
}

/** The final books of a mailbox: what it still held was dropped for `reason`. */
export function finalCounts(counts: MailboxCounts, reason: DropReason): MailboxCounts {
  const dropped = { ...counts.dropped }
  dropped[reason] += counts.pending + counts.waiting
  const { routed, delivered } = counts
  return { routed, delivered, dropped, pending: 0, waiting: 0 }
}

/** The final books after all: one copy counted as delivered was dropped as `closed`. */
export function missCopy(final: MailboxCounts): MailboxCounts {
  const dropped = { ...final.dropped, closed: final.dropped.closed + 1 }
  return { ...final, delivered: final.delivered - 1, dropped }
}

/** Counts with the name and settings of whose they are. */
export function mailboxLedger(
  name: MailboxName,
  settings: MailboxSettings,
  counts: MailboxCounts,
): MailboxLedger {
  const { id, pattern, group } = name
  const { overflow, capacity } = settings
  return { id, pattern, group, overflow, capacity, ...counts }
}
