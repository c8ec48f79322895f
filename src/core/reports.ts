import { RingBuffer } from './ring-buffer.ts'

/**
 * Holds back what users want to hear of (drops, blocked publishers, ends) until the books are in order again: their
 * callbacks may publish, close and subscribe, and must find every mailbox as if the step were over. It is: they still
 * run on the same turn, after the message has reached every mailbox and before any handler is called.
 */
export class Reports {
  #held = 0
  readonly #waiting = new RingBuffer<() => void>()

  /** Runs `report` now, or when the step that is under way has been completed. It must not throw. */
  add(report: () => void): void {
    if (this.#held === 0) report()
    else this.#waiting.push(report)
  }

  /** Begins a step. */
  hold(): void {
    this.#held++
  }

  /** Completes a step; after the outermost, reports run in the order in which they were added. */
  release(): void {
    if (--this.#held > 0 || this.#waiting.size === 0) return
    // A report may begin steps of its own; the reports they add come after those that wait already.
    for (let report = this.#waiting.shift(); report !== undefined; report = this.#waiting.shift()) report()
  }
}
