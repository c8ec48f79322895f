/** What waits for a moment: a heap by time, then by number. */
export interface Due {
  /** Milliseconds, as of the clock. */
  readonly at: number
  readonly seq: number
}

export class DueQueue<T extends Due> {
  readonly #heap: T[] = []

  get first(): T | undefined {
    return this.#heap[0]
  }

  push(item: T): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !before(item, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = item
  }

  pop(): T | undefined {
    const heap = this.#heap
    const [top] = heap
    const last = heap.pop()
    if (last !== undefined && heap.length > 0) this.#sink(last)
    return top
  }

  get size(): number {
    return this.#heap.length
  }

  /** Drops what need not wait any more. */
  keep(wanted: (item: T) => boolean): void {
    const kept = this.#heap.filter(wanted)
    this.#heap.length = 0
    for (const item of kept) this.push(item)
  }

  clear(): void {
    this.#heap.length = 0
  }

  #sink(item: T): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      let below = heap[child]
      if (below === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && before(right, below)) {
        below = right
        child++
      }
      if (!before(below, item)) break
      heap[at] = below
      at = child
    }
    heap[at] = item
  }
}

function before(one: Due, other: Due): boolean {
  return one.at < other.at || (one.at === other.at && one.seq < other.seq)
}
