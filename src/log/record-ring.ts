import type { LogRecord } from './log-record.ts'

const smallest = 8

/**
 * The retained records of one topic, by offset. It grows by doubling, so an index is one `&`. What is
 * done here costs the same however many there are.
 */
export abstract class RecordRing {
  /** The offset of the oldest record; `next` when there is none. */
  first = 0
  /** The offset of the next record. */
  next = 0
  #slots: (LogRecord | undefined)[] = []
  #mask = -1

  get size(): number {
    return this.next - this.first
  }

  protected push(record: LogRecord): void {
    if (this.next - this.first > this.#mask) this.#grow()
    this.#slots[this.next++ & this.#mask] = record
  }

  /** Removes the oldest, which must be there, and adds the newest. */
  protected pushOver(record: LogRecord): void {
    const slots = this.#slots
    const mask = this.#mask
    const { first, next } = this
    // In a full ring the new one takes the slot of the oldest.
    if (next - first <= mask) slots[first & mask] = undefined
    slots[next & mask] = record
    this.first = first + 1
    this.next = next + 1
  }

  /** Removes the oldest, which must be there. */
  protected shift(): void {
    this.#slots[this.first++ & this.#mask] = undefined
  }

  /** Gives back the room of a burst; the ring must be empty. */
  protected shrink(): void {
    this.#slots = []
    this.#mask = -1
  }

  /** The record at an offset that is retained. */
  at(offset: number): LogRecord {
    return this.#slots[offset & this.#mask] as LogRecord
  }

  /** A new array of `count` records from an offset on; they must be retained. */
  slice(offset: number, count: number): LogRecord[] {
    const slots = this.#slots as LogRecord[]
    const begin = offset & this.#mask
    const over = begin + count - slots.length
    return over <= 0 ? slots.slice(begin, begin + count) : slots.slice(begin).concat(slots.slice(0, over))
  }

  #grow(): void {
    const slots = new Array<LogRecord | undefined>(Math.max(smallest, this.#slots.length * 2))
    const mask = slots.length - 1
    for (let offset = this.first; offset < this.next; offset++) slots[offset & mask] = this.at(offset)
    this.#slots = slots
    this.#mask = mask
  }
}
