import type { Clock } from '../core/clock.ts'
import { InvalidOptionError } from '../core/errors.ts'

interface Task {
  readonly dueMs: number
  readonly run: () => void
}

/**
 * A clock that stands still until it is told to go on: for simulations and tests. Scheduled tasks run inside
 * `advanceTo`, in order of their time, and those of the same time in the order they were scheduled.
 *
 * @example
 * const clock = new VirtualClock()
 * const broker = createBroker({ clock })
 * clock.advanceBy(30_000) // every publish that has waited for 30 seconds gives up now
 */
export class VirtualClock implements Clock {
  #nowMs: number
  /** Sorted by time. Few timers are pending at once, so inserting into a list is cheap. */
  readonly #tasks: Task[] = []

  constructor(startMs: number = 0) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  schedule(task: () => void, delayMs: number): () => void {
    if (delayMs === Number.POSITIVE_INFINITY) return () => undefined
    const entry = { dueMs: this.#nowMs + Math.max(0, delayMs), run: task }
    const behind = this.#tasks.findLastIndex((other) => other.dueMs <= entry.dueMs)
    this.#tasks.splice(behind + 1, 0, entry)
    return () => {
      const at = this.#tasks.indexOf(entry)
      if (at >= 0) this.#tasks.splice(at, 1)
    }
  }

  /** When the next task is due; undefined if none is scheduled. */
  get nextMs(): number | undefined {
    return this.#tasks[0]?.dueMs
  }

  /** Goes on to a time, running what is due on the way. Time never goes back: throws `InvalidOptionError`. */
  advanceTo(timeMs: number): void {
    if (!(timeMs >= this.#nowMs)) {
      throw new InvalidOptionError('timeMs', timeMs, `Give a time from ${this.#nowMs}, which is now.`)
    }
    for (let task = this.#tasks[0]; task !== undefined && task.dueMs <= timeMs; task = this.#tasks[0]) {
      this.#tasks.shift()
      this.#nowMs = Math.max(this.#nowMs, task.dueMs) // a task may itself have advanced the clock
      task.run()
    }
    this.#nowMs = Math.max(this.#nowMs, timeMs)
  }

  advanceBy(durationMs: number): void {
    this.advanceTo(this.#nowMs + durationMs)
  }
}
