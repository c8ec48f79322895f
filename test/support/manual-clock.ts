import type { Clock } from '../../src/index.ts'

interface Task {
  readonly due: number
  readonly run: () => void
}

/** A clock that stands still until the test moves it. */
export class ManualClock implements Clock {
  #now: number
  readonly #tasks = new Set<Task>()

  constructor(now = 1_700_000_000_000) {
    this.#now = now
  }

  /** Tasks that have neither run nor been cancelled. */
  get timers(): number {
    return this.#tasks.size
  }

  now(): number {
    return this.#now
  }

  schedule(task: () => void, delayMs: number): () => void {
    const entry = { due: this.#now + delayMs, run: task }
    this.#tasks.add(entry)
    return () => this.#tasks.delete(entry)
  }

  /** Lets time pass; what falls due runs in the order of its due time. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let next = this.#nextBy(end); next !== undefined; next = this.#nextBy(end)) {
      this.#tasks.delete(next)
      this.#now = Math.max(this.#now, next.due)
      next.run()
    }
    this.#now = end
  }

  #nextBy(end: number): Task | undefined {
    let next: Task | undefined
    for (const task of this.#tasks) {
      if (task.due <= end && (next === undefined || task.due < next.due)) next = task
    }
    return next
  }
}
