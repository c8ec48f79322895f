import type { Clock } from '../core/clock.ts'

/** Something that is over at a moment unless it has been settled before. */
export interface Dated {
  readonly deadline: number
  readonly settled: boolean
}

/** One timer for many that all wait equally long: they come due in the order in which they came. */
export class Deadlines<T extends Dated> {
  readonly #clock: Clock
  readonly #due: (item: T) => void
  #items: T[] = []
  #front = 0
  #cancel: (() => void) | undefined

  constructor(clock: Clock, due: (item: T) => void) {
    this.#clock = clock
    this.#due = due
  }

  add(item: T): void {
    if (item.deadline === Number.POSITIVE_INFINITY) return
    this.#skipSettled()
    this.#items.push(item)
    this.#cancel ??= this.#arm(item.deadline)
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#items = []
    this.#front = 0
  }

  #arm(at: number): () => void {
    return this.#clock.schedule(() => this.#ring(), Math.max(0, at - this.#clock.now()), true)
  }

  #ring(): void {
    this.#cancel = undefined
    const now = this.#clock.now()
    for (let item = this.#items[this.#front]; item !== undefined; item = this.#items[this.#front]) {
      if (!item.settled && item.deadline > now) {
        this.#cancel = this.#arm(item.deadline)
        break
      }
      this.#front++
      if (!item.settled) this.#due(item)
    }
    this.#compact()
  }

  #skipSettled(): void {
    while (this.#items[this.#front]?.settled === true) this.#front++
    this.#compact()
  }

  #compact(): void {
    if (this.#front < 1024 || this.#front * 2 < this.#items.length) return
    this.#items = this.#items.slice(this.#front)
    this.#front = 0
  }
}
