/** A record that a group has begun and not finished, and those behind it that it has finished out of order. */
export interface WindowEntry {
  readonly seq: number
  acked: boolean
}

/**
 * The records of a group from its cursor on that it has taken from the log, in order. The cursor moves over the acked
 * ones at the front; those behind an open one wait for it.
 */
export class Window {
  #entries: WindowEntry[] = []
  #front = 0
  #open = 0

  /** How many are not acked. */
  get open(): number {
    return this.#open
  }

  get size(): number {
    return this.#entries.length - this.#front
  }

  /** Takes in the next record; its number is higher than all before. */
  add(seq: number): WindowEntry {
    const entry = { seq, acked: false }
    this.#entries.push(entry)
    this.#open++
    return entry
  }

  /** Marks a record as acked; returns whether the front has moved. */
  ack(entry: WindowEntry): boolean {
    if (entry.acked) return false
    entry.acked = true
    this.#open--
    const before = this.#front
    while (this.#entries[this.#front]?.acked === true) this.#front++
    if (this.#front > 1024 && this.#front * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#front)
      this.#front = 0
      return true
    }
    return this.#front !== before
  }

  /** The first record that is not acked, or undefined when all are. */
  get first(): number | undefined {
    return this.#entries[this.#front]?.seq
  }

  /** The acked records behind the first open one, as ranges: from, to, from, to. */
  ackedRanges(): readonly number[] {
    const ranges: number[] = []
    let inside = false
    for (let index = this.#front; index < this.#entries.length; index++) {
      const entry = this.#entries[index]
      if (entry === undefined) break
      if (!entry.acked) {
        inside = false
      } else if (inside) {
        ranges[ranges.length - 1] = entry.seq + 1
      } else {
        ranges.push(entry.seq, entry.seq + 1)
        inside = true
      }
    }
    return ranges
  }

  clear(): void {
    this.#entries = []
    this.#front = 0
    this.#open = 0
  }
}

/** Whether `seq` lies in one of the ranges that `ackedRanges` gave. */
export function inRanges(ranges: readonly number[], seq: number): boolean {
  for (let index = 0; index + 1 < ranges.length; index += 2) {
    const [from = 0, to = 0] = [ranges[index], ranges[index + 1]]
    if (seq >= from && seq < to) return true
  }
  return false
}

/** The first number at or behind `seq` that lies in none of the ranges, which rise. */
export function behindRanges(ranges: readonly number[], seq: number): number {
  let free = seq
  for (let index = 0; index + 1 < ranges.length; index += 2) {
    const [from = 0, to = 0] = [ranges[index], ranges[index + 1]]
    if (free >= from && free < to) free = to
  }
  return free
}
