import type { Clock } from '../../src/index.ts'

/** A clock that stands still until the test moves it. */
export class VirtualTime implements Clock {
  #now = 1_000_000
  readonly #tasks = new Set<{ readonly due: number; readonly task: () => void }>()

  /** Tasks that have not run. */
  get timers(): number {
    return this.#tasks.size
  }

  now(): number {
    return this.#now
  }

  schedule(task: () => void, delayMs: number): () => void {
    const entry = { due: this.#now + delayMs, task }
    this.#tasks.add(entry)
    return () => this.#tasks.delete(entry)
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const next = [...this.#tasks].filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due)[0]
      if (next === undefined) break
      this.#tasks.delete(next)
      this.#now = Math.max(this.#now, next.due)
      next.task()
    }
    this.#now = end
  }
}
