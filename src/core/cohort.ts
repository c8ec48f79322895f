import type { Host } from './mailbox.ts'
import type { Message } from './message.ts'
import { PendingCopies } from './pending-copies.ts'
import type { PrivateMailbox } from './private-mailbox.ts'
import type { MailboxSettings } from './settings.ts'

/** What the members of a cohort have lost together. */
interface Losses {
  readonly superseded: number
  readonly evicted: number
}

/** That a mailbox belongs to a cohort, and what it has lost with it since it joined. */
export interface Membership {
  readonly cohort: Cohort
  readonly lost: () => Losses
}

/** Says whether a mailbox with these settings may keep its copies together with others of its kind. */
export function canGather({ overflow, sizeOf, onDrop, keepDropped }: MailboxSettings): boolean {
  return overflow === 'latest' && sizeOf === undefined && onDrop === undefined && !keepDropped
}

/**
 * `latest` mailboxes that hold the same, because they have the same settings and none has been read since it was empty.
 * They keep it once, and a message is offered once for all of them: a thousand that are never read cost as much as
 * one. Who reads while others are here takes a copy of its own along.
 */
export class Cohort {
  /** Index among the fed, and the position behind the last message offered, kept by the feed. */
  seat = -1
  seen = 0
  readonly copies: PendingCopies
  superseded = 0
  evicted = 0
  readonly #settings: MailboxSettings
  readonly #head: () => number
  readonly #members = new Set<PrivateMailbox>()

  constructor(settings: MailboxSettings, host: Host, head: () => number) {
    this.#settings = settings
    this.#head = head
    this.copies = new PendingCopies(settings, [], host)
  }

  get members(): ReadonlySet<PrivateMailbox> {
    return this.#members
  }

  /** True when a mailbox with these settings, empty, may join. */
  suits({ key, capacity }: MailboxSettings): boolean {
    return this.copies.count === 0 && this.#settings.key === key && this.#settings.capacity === capacity
  }

  add(mailbox: PrivateMailbox): Membership {
    this.#members.add(mailbox)
    const { superseded, evicted } = this
    const lost = (): Losses => ({
      superseded: this.superseded - superseded,
      evicted: this.evicted - evicted,
    })
    return { cohort: this, lost }
  }

  remove(mailbox: PrivateMailbox): void {
    this.#members.delete(mailbox)
  }

  offer(message: Message): void {
    this.seen = this.#head()
    const { copies } = this
    if (copies.supersede(message) !== undefined) {
      this.superseded++
      return
    }
    for (; !copies.fits(message); this.evicted++) copies.shift()
    copies.push(message)
    if (copies.count === 1) for (const mailbox of this.#members) mailbox.wake()
  }
}
