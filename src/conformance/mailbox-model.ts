import type { DropReason, OverflowPolicy } from '../core/contract.ts'

/** A mailbox as the policies are described, in as few lines as possible: what real ones are compared with. */
export class MailboxModel {
  readonly taken: number[] = []
  readonly dropped: Partial<Record<DropReason, number>> = {}
  readonly #policy: OverflowPolicy
  readonly #capacity: number
  readonly #keyOf: (payload: number) => unknown
  #pending: number[] = []

  constructor(policy: OverflowPolicy, capacity: number, keyOf: (payload: number) => unknown) {
    this.#policy = policy
    this.#capacity = capacity
    this.#keyOf = keyOf
  }

  get size(): number {
    return this.#pending.length
  }

  offer(payload: number): void {
    const full = this.#pending.length >= this.#capacity
    switch (this.#policy) {
      case 'drop-newest':
        if (full) this.#drop('buffer-full')
        else this.#pending.push(payload)
        break
      case 'drop-oldest':
        if (full) this.#dropOldest()
        this.#pending.push(payload)
        break
      case 'latest':
        this.#replace(payload, full)
        break
      case 'fail':
        if (full) this.#drop('refused')
        else this.#pending.push(payload)
        break
      // Within its capacity `disconnect` keeps everything, and those that wait or spill always do.
      default:
        this.#pending.push(payload)
    }
  }

  take(): void {
    this.taken.push(...this.#pending.splice(0, 1))
  }

  #replace(payload: number, full: boolean): void {
    const key = this.#keyOf(payload)
    const place = this.#pending.findIndex((pending) => this.#keyOf(pending) === key)
    if (place >= 0) {
      this.#pending[place] = payload
      this.#drop('superseded')
      return
    }
    if (full) this.#dropOldest()
    this.#pending.push(payload)
  }

  #dropOldest(): void {
    this.#pending.shift()
    this.#drop('evicted-oldest')
  }

  #drop(reason: DropReason): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1
  }
}
