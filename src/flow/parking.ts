import type { Clock } from '../core/clock.ts'
import type { Item } from './item.ts'

interface Parked {
  readonly item: Item
  readonly at: number
}

/** Items that wait for a moment. There are at most some hundreds, so they are kept sorted; one timer serves all. */
export class Parking {
  readonly #clock: Clock
  readonly #due: (item: Item) => void
  /** The next one last. */
  #parked: Parked[] = []
  #cancel: (() => void) | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, due: (item: Item) => void) {
    this.#clock = clock
    this.#due = due
  }

  park(item: Item, delayMs: number): void {
    const at = this.#clock.now() + delayMs
    const index = this.#placeOf(at)
    this.#parked.splice(index, 0, { item, at })
    if (at < this.#timerAt) this.#arm(at)
  }

  /** Empties it and returns those that waited, the next one first. */
  clear(): Item[] {
    const items = this.#parked.map(({ item }) => item).toReversed()
    this.#parked = []
    this.#cancel?.()
    this.#cancel = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
    return items
  }

  /** Behind everything that is due later, and before what is due at the same moment: first in, first out. */
  #placeOf(at: number): number {
    let low = 0
    let high = this.#parked.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#parked[middle]?.at ?? 0) > at) low = middle + 1
      else high = middle
    }
    return low
  }

  #arm(at: number): void {
    this.#cancel?.()
    this.#timerAt = at
    this.#cancel = this.#clock.schedule(() => this.#ring(), Math.max(0, at - this.#clock.now()))
  }

  #ring(): void {
    this.#cancel = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    for (let next = this.#parked.at(-1); next !== undefined && next.at <= now; next = this.#parked.at(-1)) {
      this.#parked.pop()
      this.#due(next.item)
    }
    const next = this.#parked.at(-1)
    if (next !== undefined && next.at < this.#timerAt) this.#arm(next.at)
  }
}
