import type { DropReason } from './contract.ts'
import { noDrops } from './ledger.ts'
import type { Host, MailboxOwner } from './mailbox.ts'
import type { Message } from './message.ts'

/** Counts the drops of one mailbox by reason, and tells those who want to hear of each. */
export class Drops {
  readonly #owner: MailboxOwner
  readonly #host: Host
  #counts: Record<DropReason, number> | undefined

  constructor(owner: MailboxOwner, host: Host, counts: Record<DropReason, number> | undefined) {
    this.#owner = owner
    this.#host = host
    this.#counts = counts
  }

  /** True when somebody wants to hear of each drop as it happens. */
  get watched(): boolean {
    const { keepDropped, onDrop } = this.#owner.settings
    return onDrop !== undefined || keepDropped || this.#host.observers.dropped
  }

  get counts(): Record<DropReason, number> | undefined {
    return this.#counts
  }

  drop(message: Message, reason: DropReason): void {
    this.count(reason, 1)
    this.report(message, reason)
  }

  count(reason: DropReason, count: number): void {
    this.#counts ??= noDrops()
    this.#counts[reason] += count
  }

  report(message: Message, reason: DropReason): void {
    if (this.watched) this.#host.reports.add(() => this.tell(message, reason))
  }

  /**
   * Reports everything that `copies` still holds, and ends it: one copy after the other, because what is on the disk
   * must not come into memory as a whole.
   */
  abandon(copies: { shift(): Message | undefined; end(): void }, reason: DropReason): void {
    if (!this.watched) return copies.end()
    this.#host.reports.add(() => {
      for (let next = copies.shift(); next !== undefined; next = copies.shift()) this.tell(next, reason)
      copies.end()
    })
  }

  /** As `report`, at once. */
  tell(message: Message, reason: DropReason): void {
    const { observers, spill } = this.#host
    const { settings, name } = this.#owner
    const { keepDropped, onDrop } = settings
    if (keepDropped)
      observers.guard('keepDropped', () => spill?.keep({ subscription: name, message, reason }))
    if (onDrop !== undefined) observers.guard('onDrop', () => onDrop(message, reason))
    if (observers.dropped) observers.emit('dropped', { subscription: name, message, reason })
  }
}

/** A copy that had been counted as delivered was still under way to a handler when its subscription closed. */
export function missed(owner: MailboxOwner, host: Host, message: Message): void {
  host.ended.undeliver()
  new Drops(owner, host, undefined).report(message, 'closed')
}

/** The counts of a mailbox from what it knows: whatever was routed and is in no other column was delivered. */
export function settleCounts(
  routed: number,
  dropped: Record<DropReason, number>,
  pending: number,
  waiting: number,
): {
  routed: number
  delivered: number
  dropped: Record<DropReason, number>
  pending: number
  waiting: number
} {
  let delivered = routed - pending - waiting
  for (const count of Object.values(dropped)) delivered -= count
  return { routed, delivered, dropped, pending, waiting }
}
