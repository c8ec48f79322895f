import type { Clock } from '../core/clock.ts'
import type { Call } from './call.ts'

/** Only calls of one kind stand in one line. */
interface Neighbours<C> {
  readonly before: C | undefined
  readonly after: C | undefined
}

/**
 * The calls that have not settled, in the order in which they began, which is also that of their deadlines: one timer
 * serves all of them, and leaving the line costs two assignments.
 */
export class DeadlineLine<C extends Call> {
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #expire: (call: C) => void
  #first: C | undefined
  #last: C | undefined
  #cancel: (() => void) | undefined

  constructor(clock: Clock, deadlineMs: number, expire: (call: C) => void) {
    this.#clock = clock
    this.#deadlineMs = deadlineMs
    this.#expire = expire
  }

  add(call: C): void {
    call.before = this.#last
    if (this.#last === undefined) this.#first = call
    else this.#last.after = call
    this.#last = call
    if (this.#deadlineMs === Number.POSITIVE_INFINITY) return
    call.dueAt = this.#clock.now() + this.#deadlineMs
    if (this.#cancel === undefined) this.#arm(this.#deadlineMs)
  }

  remove(call: C): void {
    const { after, before } = call as Neighbours<C>
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    call.before = undefined
    call.after = undefined
  }

  /** All that have not settled, the oldest first. */
  open(): C[] {
    const calls: C[] = []
    for (let call = this.#first; call !== undefined; call = (call as Neighbours<C>).after) calls.push(call)
    return calls
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #arm(delayMs: number): void {
    // In the background: a handler that hangs is no reason to keep the process alive.
    this.#cancel = this.#clock.schedule(() => this.#ring(), delayMs, true)
  }

  #ring(): void {
    this.#cancel = undefined
    const now = this.#clock.now()
    for (let call = this.#first; call !== undefined && call.dueAt <= now; call = this.#first) {
      this.remove(call)
      this.#expire(call)
    }
    // What expired may have made room for another call, which has armed the timer.
    if (this.#first !== undefined && this.#cancel === undefined) this.#arm(this.#first.dueAt - now)
  }
}
