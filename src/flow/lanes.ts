import { RingBuffer } from '../core/ring-buffer.ts'
import type { Item } from './item.ts'

/** Lets one item at a time through per key; the others wait behind it in the order in which they came. */
export class Lanes {
  /** Keys that are held, with who waits for them; undefined while nobody does. */
  readonly #held = new Map<unknown, RingBuffer<Item> | undefined>()
  /** Items that wait. */
  waiting = 0

  /** True when the item holds the key now; false when it waits for it. */
  enter(key: unknown, item: Item): boolean {
    if (!this.#held.has(key)) {
      this.#held.set(key, undefined)
      return true
    }
    let line = this.#held.get(key)
    if (line === undefined) {
      line = new RingBuffer()
      this.#held.set(key, line)
    }
    line.push(item)
    this.waiting++
    return false
  }

  /** The holder is done; returns who holds the key now. */
  leave(key: unknown): Item | undefined {
    const next = this.#held.get(key)?.shift()
    if (next === undefined) this.#held.delete(key)
    else this.waiting--
    return next
  }

  /** Empties it and returns those that waited. */
  clear(): Item[] {
    const items: Item[] = []
    for (const line of this.#held.values()) line?.shiftInto(items, line.size)
    this.#held.clear()
    this.waiting = 0
    return items
  }
}
