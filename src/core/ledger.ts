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

/**
 * What members of one acknowledging group have done with what they were given, since the broker was made. Always:
 * `delivered = acked + nacked + expired + returned + inFlight`.
 */
export interface GroupLedger {
  readonly group: string
  readonly pattern: string
  readonly delivered: number
  readonly acked: number
  readonly nacked: number
  /** The deadline passed first: the message is delivered again. */
  readonly expired: number
  /** Neither settled nor late: the member left, the group was moved, or the server gave the message to somebody else. */
  readonly returned: number
  readonly inFlight: number
}

/** What became of what a broker sent to its server. Always: `sent = confirmed + failed + unknown + waiting`. */
export interface TransportCounts {
  readonly sent: number
  /** The server has it; where a server confirms nothing: it was handed to the connected client. */
  readonly confirmed: number
  /** It is certain that the server does not have it, and the publisher was told. */
  readonly failed: number
  /** No answer came in time: the server may have it. The publisher was told. */
  readonly unknown: number
  readonly waiting: number
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
  /** Of a broker whose groups acknowledge, also of groups that have no members any more. */
  readonly groups?: readonly GroupLedger[]
  /** Of a broker whose messages go to a server. */
  readonly transport?: TransportCounts
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
  for (const group of ledger.groups ?? []) checkGroup(group)
  if (ledger.transport !== undefined) checkTransport(ledger.transport)
  if (ledger.log === undefined) return
  const { appended, compacted = 0, retained, evicted } = ledger.log
  check('log: appended = retained + evicted + compacted', appended, retained + evicted + compacted)
}

function checkGroup(counts: GroupLedger): void {
  const { acked, delivered, expired, group, inFlight, nacked, returned } = counts
  const edge = `group ${group}: delivered = acked + nacked + expired + returned + in flight`
  check(edge, delivered, acked + nacked + expired + returned + inFlight)
  checkCounts(`group ${group}`, [delivered, acked, nacked, expired, returned, inFlight])
}

function checkTransport({ confirmed, failed, sent, unknown, waiting }: TransportCounts): void {
  check(
    'transport: sent = confirmed + failed + unknown + waiting',
    sent,
    confirmed + failed + unknown + waiting,
  )
  checkCounts('transport', [sent, confirmed, failed, unknown, waiting])
}

function checkMailbox(name: string, counts: MailboxCounts): void {
  const { routed, delivered, pending, waiting } = counts
  const edge = `${name}: routed = delivered + dropped + pending + waiting`
  check(edge, routed, delivered + totalDropped(counts) + pending + waiting)
  if (counts.spill !== undefined && counts.spill.copies > pending)
    throw new LedgerImbalanceError(`${name}: pending ≥ copies on disk`, pending, counts.spill.copies)
  const drops = dropReasons.map((reason) => counts.dropped[reason])
  checkCounts(name, [routed, delivered, pending, waiting, ...drops])
}

function checkCounts(name: string, counts: readonly number[]): void {
  for (const part of counts) {
    if (!Number.isSafeInteger(part) || part < 0)
      throw new LedgerImbalanceError(`${name}: counts are ≥ 0`, part, 0)
  }
}

function check(edge: string, left: number, right: number): void {
  if (left !== right) throw new LedgerImbalanceError(edge, left, right)
}
