import type { DropReason, OverflowPolicy } from './contract.ts'
import { LedgerImbalanceError } from './errors.ts'

/** Where the copies of one mailbox went. Always: `routed = delivered + Σ dropped + pending + waiting`. */
export interface MailboxCounts {
  /** Copies addressed to this mailbox. */
  readonly routed: number
  /** Copies handed to the consumer. */
  readonly delivered: number
  /** Copies lost by policy, by reason; every reason is present. */
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Copies in the mailbox, not yet taken. */
  readonly pending: number
  /** Copies whose publisher waits for room. */
  readonly waiting: number
  /** Of a mailbox that spills. */
  readonly spill?: SpillCounts
}

/** What of a mailbox is on the disk. */
export interface SpillCounts {
  /** How many of the pending copies. */
  readonly copies: number
  /** Their bytes. */
  readonly bytes: number
  /** How many copies have ever gone there. */
  readonly total: number
}

/** The counts of one live mailbox and whose it is. */
export interface MailboxLedger extends MailboxCounts {
  readonly id: string
  readonly pattern: string
  readonly group: string | undefined
  readonly overflow: OverflowPolicy
  readonly capacity: number
}

/** Where the records of a log went. Always: `appended = retained + evicted + compacted`. */
export interface LogCounts {
  readonly appended: number
  readonly retained: number
  /** Removed by retention. */
  readonly evicted: number
  /** Removed from between others, because a newer record has their key or their topic has limits of its own. */
  readonly compacted?: number
}

/** A snapshot of every counter of a broker. `assertBalanced` states its laws. */
export interface Ledger {
  /** Messages accepted by publish. */
  readonly published: number
  /** Messages that matched at least one mailbox. */
  readonly routed: number
  /** Messages that matched none. */
  readonly unrouted: number
  /** Copies made: Σ over messages of the mailboxes matched. */
  readonly copies: number
  /** Live mailboxes: one per subscription outside groups, one per queue group. */
  readonly mailboxes: readonly MailboxLedger[]
  /** The sum of all mailboxes that have ended. */
  readonly ended: MailboxCounts
  /** Of a broker that keeps a log. */
  readonly log?: LogCounts
}

const reasons: readonly DropReason[] = [
  'buffer-full',
  'evicted-oldest',
  'superseded',
  'timeout',
  'aborted',
  'refused',
  'disconnected',
  'too-large',
  'spill-failed',
  'closed',
]

/** Every drop reason, in the order tables show them. */
export const dropReasons: readonly DropReason[] = Object.freeze(reasons)

/** A fresh record with every reason at zero. */
export function noDrops(): Record<DropReason, number> {
  return {
    'buffer-full': 0,
    'evicted-oldest': 0,
    superseded: 0,
    timeout: 0,
    aborted: 0,
    refused: 0,
    disconnected: 0,
    'too-large': 0,
    'spill-failed': 0,
    closed: 0,
  }
}

/** Σ dropped over all reasons. */
export function totalDropped(counts: MailboxCounts): number {
  return dropReasons.reduce((sum, reason) => sum + counts.dropped[reason], 0)
}

/** The sum of several mailboxes' counts. */
export function sumCounts(all: Iterable<MailboxCounts>): MailboxCounts {
  const dropped = noDrops()
  let [routed, delivered, pending, waiting] = [0, 0, 0, 0]
  for (const counts of all) {
    routed += counts.routed
    delivered += counts.delivered
    pending += counts.pending
    waiting += counts.waiting
    for (const reason of dropReasons) dropped[reason] += counts.dropped[reason]
  }
  return { routed, delivered, dropped, pending, waiting }
}

/** Throws `LedgerImbalanceError` naming the first equation that does not hold; returns nothing when all do. */
export function assertBalanced(ledger: Ledger): void {
  check('published = routed + unrouted', ledger.published, ledger.routed + ledger.unrouted)
  let copies = 0
  for (const mailbox of ledger.mailboxes) {
    checkMailbox(mailbox.group === undefined ? mailbox.id : `group ${mailbox.group}`, mailbox)
    copies += mailbox.routed
  }
  checkMailbox('ended mailboxes', ledger.ended)
  check('copies = Σ routed of mailboxes', ledger.copies, copies + ledger.ended.routed)
  check('ended mailboxes hold nothing', ledger.ended.pending + ledger.ended.waiting, 0)
  if (ledger.log === undefined) return
  const { appended, compacted = 0, retained, evicted } = ledger.log
  check('log: appended = retained + evicted + compacted', appended, retained + evicted + compacted)
}

function checkMailbox(name: string, counts: MailboxCounts): void {
  const { routed, delivered, pending, waiting } = counts
  const edge = `${name}: routed = delivered + dropped + pending + waiting`
  check(edge, routed, delivered + totalDropped(counts) + pending + waiting)
  if (counts.spill !== undefined && counts.spill.copies > pending)
    throw new LedgerImbalanceError(`${name}: pending ≥ copies on disk`, pending, counts.spill.copies)
  const parts = [routed, delivered, pending, waiting, ...dropReasons.map((reason) => counts.dropped[reason])]
  for (const part of parts) {
    if (!Number.isSafeInteger(part) || part < 0)
      throw new LedgerImbalanceError(`${name}: counts are ≥ 0`, part, 0)
  }
}

function check(edge: string, left: number, right: number): void {
  if (left !== right) throw new LedgerImbalanceError(edge, left, right)
}
