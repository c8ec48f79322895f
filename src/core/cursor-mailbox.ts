import type { DropReason } from './contract.ts'
import { settleCounts } from './drops.ts'
import { type MailboxCounts, noDrops } from './ledger.ts'
import type { Mailbox, MailboxOwner } from './mailbox.ts'
import type { Message } from './message.ts'
import type { MailboxSettings } from './settings.ts'
import type { SharedRing } from './shared-ring.ts'

/** The books a mailbox brings along when it changes its form. */
export interface Carried {
  /** Position of the first message that was routed to it. */
  readonly start: number
  readonly dropped: Record<DropReason, number> | undefined
}

/** Smaller mailboxes overflow so often that moving between the two forms would cost more than it saves. */
const smallestShared = 16

/** Says whether a mailbox with these settings can be a cursor: its outcome must follow from positions alone. */
export function canShare(settings: MailboxSettings): boolean {
  const { overflow, capacity, sizeOf, onDrop, keepDropped } = settings
  if (capacity < smallestShared || sizeOf !== undefined || onDrop !== undefined || keepDropped) return false
  return overflow !== 'block' && overflow !== 'latest' && overflow !== 'spill'
}

/**
 * A mailbox that is a position in the shared ring. Under `drop-oldest` it stays one for ever: what was evicted
 * follows from the distance to the head, and is counted when its reader looks. Under the other policies it holds at
 * most its capacity; when the next message finds it full it becomes a `PrivateMailbox`.
 */
export class CursorMailbox implements Mailbox {
  readonly owner: MailboxOwner
  readonly ring: SharedRing
  /** Position of the next message to take. */
  position: number
  readonly capacity: number
  /** True for `drop-oldest`. */
  readonly evicts: boolean
  /** Index among the ring's cursors, kept by the ring. */
  seat = 0
  readonly #start: number
  #dropped: Record<DropReason, number> | undefined

  constructor(owner: MailboxOwner, ring: SharedRing, carried: Carried | undefined) {
    this.owner = owner
    this.ring = ring
    this.position = ring.head
    this.capacity = owner.settings.capacity
    this.evicts = owner.settings.overflow === 'drop-oldest'
    this.#start = carried?.start ?? ring.head
    this.#dropped = carried?.dropped
    ring.join(this)
  }

  get pending(): number {
    return Math.min(this.ring.head - this.position, this.capacity)
  }

  take(): Message | undefined {
    const { ring } = this
    let at = this.position
    if (at === ring.head) return undefined
    if (ring.head - at > this.capacity) at = this.#skipEvicted()
    const message = ring.slots[at & ring.mask]
    this.position = ++at
    if (at === ring.head) ring.caughtUp()
    return message
  }

  takeBatch(max: number): readonly Message[] {
    const { ring } = this
    if (ring.head - this.position > this.capacity) this.#skipEvicted()
    const from = this.position
    const to = Math.min(ring.head, from + max)
    if (from === to) return []
    const messages = ring.cut(from, to)
    this.position = to
    if (to === ring.head) ring.caughtUp()
    return messages
  }

  wait(): Promise<void> {
    return this.ring.bell.wait()
  }

  wake(waited: Promise<void>): void {
    this.ring.bell.ringBench(waited)
  }

  counts(): MailboxCounts {
    const routed = this.ring.head - this.#start
    const { pending } = this
    const dropped = { ...(this.#dropped ?? noDrops()) }
    dropped['evicted-oldest'] += Math.max(0, this.ring.head - this.position - this.capacity)
    return settleCounts(routed, dropped, pending, 0)
  }

  /** Leaves the ring with what is pending, oldest first, and its books. */
  leave(): Carried & { readonly messages: readonly Message[] } {
    if (this.ring.head - this.position > this.capacity) this.#skipEvicted()
    const messages = this.position === this.ring.head ? [] : this.ring.rest(this.position)
    this.ring.leave(this)
    return { messages, start: this.#start, dropped: this.#dropped }
  }

  #skipEvicted(): number {
    const oldest = this.ring.head - this.capacity
    this.#dropped ??= noDrops()
    this.#dropped['evicted-oldest'] += oldest - this.position
    this.position = oldest
    return oldest
  }
}
