import type { Clock } from '../core/clock.ts'
import { isThenable } from '../core/thenable.ts'
import type { Item } from './item.ts'

/** Extends the deadlines of all deliveries that are inside, so that the broker does not take them back. */
export class Keeper {
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #lost: (item: Item) => void
  readonly #items = new Set<Item>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock, everyMs: number, lost: (item: Item) => void) {
    this.#clock = clock
    this.#everyMs = everyMs
    this.#lost = lost
  }

  add(item: Item): void {
    this.#items.add(item)
    this.#cancel ??= this.#clock.schedule(() => this.#extend(), this.#everyMs, true)
  }

  remove(item: Item): void {
    this.#items.delete(item)
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#items.clear()
  }

  #extend(): void {
    this.#cancel = undefined
    for (const item of [...this.#items]) this.#extendOne(item)
    if (this.#items.size > 0) this.#cancel = this.#clock.schedule(() => this.#extend(), this.#everyMs, true)
  }

  #extendOne(item: Item): void {
    const { delivery } = item
    if (delivery === undefined) return
    const answered = (still: boolean): void => {
      if (still || !this.#items.delete(item)) return
      this.#lost(item)
    }
    try {
      const extended = delivery.extend()
      if (isThenable(extended)) Promise.resolve(extended).then(answered, () => undefined)
      else answered(extended)
    } catch {
      // A broker whose call fails has not said that the delivery is lost; the ack will tell.
    }
  }
}
