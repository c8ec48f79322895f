/** A first-in-first-out buffer that grows by doubling. Its length is a power of two, so an index is one `&`. */
export class RingBuffer<T> {
  #slots: (T | undefined)[] = []
  #mask = -1
  #first = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    if (this.#size > this.#mask) this.#grow()
    this.#slots[(this.#first + this.#size++) & this.#mask] = item
  }

  /** Takes the oldest item; undefined when empty. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const first = this.#first
    const item = this.#slots[first]
    this.#slots[first] = undefined // or the buffer would keep what it no longer holds alive
    this.#first = (first + 1) & this.#mask
    this.#size--
    return item
  }

  /** Reads the item `index` places behind the oldest. */
  at(index: number): T | undefined {
    return index < this.#size ? this.#slots[(this.#first + index) & this.#mask] : undefined
  }

  /** Replaces the item `index` places behind the oldest; the index must exist. */
  set(index: number, item: T): void {
    this.#slots[(this.#first + index) & this.#mask] = item
  }

  /** Moves the oldest `count` items to the end of `target`. */
  shiftInto(target: T[], count: number): void {
    for (let left = Math.min(count, this.#size); left > 0; left--) target.push(this.shift() as T)
  }

  /** Removes one item, keeping the order of the others; false when it is not here. O(1) for the oldest, else O(size). */
  remove(item: T): boolean {
    if (this.#size > 0 && this.#slots[this.#first] === item) {
      this.shift()
      return true
    }
    for (let index = 0; index < this.#size; index++) {
      if (this.at(index) !== item) continue
      for (let next = index + 1; next < this.#size; next++) this.set(next - 1, this.at(next) as T)
      this.set(--this.#size, undefined as T)
      return true
    }
    return false
  }

  /** A buffer of its own with the same items. */
  clone(): RingBuffer<T> {
    const copy = new RingBuffer<T>()
    for (let index = 0; index < this.#size; index++) copy.push(this.at(index) as T)
    return copy
  }

  #grow(): void {
    const slots = new Array<T | undefined>(Math.max(8, this.#slots.length * 2))
    for (let index = 0; index < this.#size; index++) slots[index] = this.at(index)
    this.#slots = slots
    this.#mask = slots.length - 1
    this.#first = 0
  }
}
