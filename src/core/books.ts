import type { DropReason } from './contract.ts'
import type { Carried } from './cursor-mailbox.ts'
import { Drops, settleCounts } from './drops.ts'
import { type MailboxCounts, noDrops, type SpillCounts } from './ledger.ts'
import type { Host, MailboxOwner } from './mailbox.ts'

/** What a private mailbox must know to account for every copy: where it began and ended, and what it lost. */
export class Books {
  readonly drops: Drops
  readonly #owner: MailboxOwner
  readonly #positions: { readonly head: number }
  readonly #start: number
  #asleepSince = -1
  /** Position at which it stopped being fed; -1 while it is. */
  #endedAt = -1

  /** `positions.head` counts the messages of the pattern. */
  constructor(
    owner: MailboxOwner,
    host: Host,
    positions: { readonly head: number },
    carried: Carried | undefined,
  ) {
    this.#owner = owner
    this.#positions = positions
    this.#start = carried?.start ?? positions.head
    this.drops = new Drops(owner, host, carried?.dropped)
  }

  /** True while copies are lost by position: what passes is counted when it wakes. */
  get asleep(): boolean {
    return this.#asleepSince >= 0
  }

  get ended(): boolean {
    return this.#endedAt >= 0
  }

  sleep(): void {
    this.#asleepSince = this.#positions.head
  }

  wake(): void {
    if (this.#asleepSince < 0) return
    this.drops.count(this.#sleepReason, this.#positions.head - this.#asleepSince)
    this.#asleepSince = -1
  }

  /** Nothing is routed here any more. */
  end(): void {
    this.wake()
    this.#endedAt = this.#positions.head
  }

  /** The counts, given what it holds; `shared` was lost together with others and is not in its own drops yet. */
  counts(
    pending: number,
    waiting: number,
    shared: { superseded: number; evicted: number },
    spill: SpillCounts | undefined,
  ): MailboxCounts {
    const end = this.ended ? this.#endedAt : this.#positions.head
    const dropped = { ...(this.drops.counts ?? noDrops()) }
    if (this.asleep) dropped[this.#sleepReason] += end - this.#asleepSince
    dropped.superseded += shared.superseded
    dropped['evicted-oldest'] += shared.evicted
    const counts = settleCounts(end - this.#start, dropped, pending, waiting)
    return spill === undefined ? counts : { ...counts, spill: { ...spill } }
  }

  /** For the cursor that takes its place. */
  carry(): Carried {
    return { start: this.#start, dropped: this.drops.counts }
  }

  get #sleepReason(): DropReason {
    return this.#owner.settings.overflow === 'fail' ? 'refused' : 'buffer-full'
  }
}
