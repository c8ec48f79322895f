import type { Clock } from '../../core/clock.ts'
import type { GroupDelivery } from './group-delivery.ts'

/** Whose deliveries they are. */
export interface DeadlineOwner {
  open(): readonly GroupDelivery[]
  /** Half of the time that the server gives it has passed, and it is wanted longer. */
  due(delivery: GroupDelivery, now: number): void
  /** It may not be settled any more. */
  late(delivery: GroupDelivery, now: number): void
}

/** A timer that has just rung does not ring again sooner. */
const atLeastMs = 10

/** One timer for all deliveries of a member: most are settled long before it rings. */
export class Deadlines {
  readonly #clock: Clock
  readonly #owner: DeadlineOwner
  #cancel: (() => void) | undefined
  #at = Number.POSITIVE_INFINITY
  #closed = false

  constructor(clock: Clock, owner: DeadlineOwner) {
    this.#clock = clock
    this.#owner = owner
  }

  /** Sees to it that what has to be done about it is done in time. */
  watch(delivery: GroupDelivery): void {
    this.#arm(dueAt(delivery))
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
  }

  #arm(at: number): void {
    if (at >= this.#at || this.#closed) return
    this.#cancel?.()
    this.#at = at
    this.#cancel = this.#clock.schedule(() => this.#ring(), Math.max(0, at - this.#clock.now()), true)
  }

  #ring(): void {
    this.#cancel = undefined
    this.#at = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    for (const delivery of this.#owner.open()) {
      if (delivery.state !== 'waiting' && delivery.state !== 'in-hand') continue
      if (now >= delivery.deadline) {
        this.#owner.late(delivery, now)
        continue
      }
      if (now >= dueAt(delivery)) this.#owner.due(delivery, now)
      this.#arm(Math.max(dueAt(delivery), now + atLeastMs))
    }
  }
}

/** When something has to be done about it: it is too late, or the server has to be told that it is not. */
function dueAt({ deadline, feed, serverDueAt }: GroupDelivery): number {
  return deadline <= serverDueAt ? deadline : serverDueAt - feed.ackDeadlineMs / 2
}
