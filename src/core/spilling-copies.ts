import type { DropReason } from './contract.ts'
import type { Drops } from './drops.ts'
import type { SpillCounts } from './ledger.ts'
import type { Host, MailboxOwner } from './mailbox.ts'
import type { Message } from './message.ts'
import { PendingCopies } from './pending-copies.ts'
import type { MailboxSettings } from './settings.ts'
import type { SpillQueue } from './spill.ts'

/**
 * What a mailbox with the policy `spill` holds: the oldest copies in memory, the rest on the disk. A copy goes to
 * memory only while nothing is on the disk, or it would overtake.
 */
export class SpillingCopies extends PendingCopies {
  readonly #queue: SpillQueue

  constructor(settings: MailboxSettings, host: Host, queue: SpillQueue) {
    super(settings, [], host)
    this.#queue = queue
  }

  override get plain(): boolean {
    return false
  }

  override get spill(): SpillCounts {
    return this.#queue.counts
  }

  override get count(): number {
    return super.count + this.#queue.counts.copies
  }

  override fits(message: Message): boolean {
    return this.#fitsInMemory(message) || this.#queue.stage(message) === 'fits'
  }

  override impossible(message: Message): DropReason | undefined {
    if (this.#fitsInMemory(message)) return undefined
    const verdict = this.#queue.stage(message)
    if (verdict === 'unspillable') return 'spill-failed'
    return verdict === 'too-large' ? verdict : undefined
  }

  override push(message: Message): void {
    if (this.#fitsInMemory(message)) super.push(message)
    else this.#queue.push(message)
  }

  override shift(): Message | undefined {
    return super.shift() ?? this.#queue.shift()
  }

  override shiftMany(max: number): Message[] {
    const messages = super.shiftMany(max)
    while (messages.length < max) {
      const message = this.#queue.shift()
      if (message === undefined) break
      messages.push(message)
    }
    return messages
  }

  override end(): void {
    this.#queue.end()
  }

  #fitsInMemory(message: Message): boolean {
    return this.#queue.counts.copies === 0 && super.fits(message)
  }
}

/** Where the copies of a mailbox are: in memory, and of one that spills on the disk as well. */
export function openCopies(
  { name, settings }: MailboxOwner,
  host: Host,
  front: readonly Message[],
  drops: Drops,
): PendingCopies {
  if (settings.overflow !== 'spill' || host.spill === undefined)
    return new PendingCopies(settings, front, host)
  const queue = host.spill.open(name, settings.spillBytes, (count, error) => {
    drops.count('spill-failed', count)
    const text = `${count} copies that waited on the disk cannot be read: ${String(error)}`
    host.observers.warn({ code: 'spill-failed', text, subscription: name })
  })
  return new SpillingCopies(settings, host, queue)
}
