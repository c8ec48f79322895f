import { Bell } from './bell.ts'
import type { CursorMailbox } from './cursor-mailbox.ts'
import { invariant } from './errors.ts'
import type { Message } from './message.ts'

/**
 * The messages of one pattern, kept once for all its readers. Each reader is a cursor:
 *
 *       low            cursor A    cursor B       head        positions count messages of the pattern from 0
 *        ▼               ▼            ▼             ▼
 *     …  m40  m41  m42  m43  m44  m45  m46  m47  m48
 *
 * A publish writes one slot and advances `head`, however many cursors there are. What it cannot leave to the readers'
 * next look is a full mailbox of a policy that keeps the old copies: `alarm` is the first position at which one could
 * be full, and reaching it makes such cursors leave for a private mailbox.
 */
export class SharedRing {
  /** Position of the next message. */
  head: number
  slots: (Message | undefined)[] = []
  mask = -1
  readonly bell: Bell = new Bell()
  readonly cursors: CursorMailbox[] = []
  readonly #overflowed: (cursor: CursorMailbox) => void
  /** Position of the oldest message the slots still hold. */
  #low: number
  /** Cursors that have not read everything; when none is left the slots are cleared. */
  #behind = 0
  /** The first position at which a mailbox that keeps its old copies could be full; -1 when there is none. */
  #alarm = none
  /** As many slots as the widest mailbox can need. */
  #most = 0
  #nextSweep = 0
  #cut: { from: number; to: number; messages: readonly Message[] } | undefined

  constructor(head: number, overflowed: (cursor: CursorMailbox) => void) {
    this.head = head
    this.#low = head
    this.#overflowed = overflowed
  }

  push(message: Message): void {
    if (this.head === this.#alarm) this.#inspect()
    const head = this.head
    if (head - this.#low > this.mask) this.#makeRoom()
    this.slots[head & this.mask] = message
    this.head = head + 1
    this.#behind = this.cursors.length
    if (!this.bell.idle) this.bell.ringAll()
  }

  join(cursor: CursorMailbox): void {
    cursor.seat = this.cursors.length
    this.cursors.push(cursor)
    this.#most = Math.max(this.#most, powerOfTwo(cursor.capacity))
    this.#watch(cursor)
  }

  leave(cursor: CursorMailbox): void {
    const last = this.cursors.pop()
    invariant(last !== undefined, 'a cursor that leaves the ring is in it')
    if (last !== cursor) {
      last.seat = cursor.seat
      this.cursors[cursor.seat] = last
    }
    if (cursor.position !== this.head) this.caughtUp()
  }

  /** A cursor has read everything. What nobody will read again must not be kept alive. */
  caughtUp(): void {
    if (--this.#behind <= 0) this.#clearTo(this.head)
  }

  /** The messages from one position up to another, as an array of its own. */
  cut(from: number, to: number): readonly Message[] {
    const start = from & this.mask
    const wrapped = start + (to - from) - this.slots.length
    const messages = (
      wrapped <= 0
        ? this.slots.slice(start, start + (to - from))
        : this.slots.slice(start).concat(this.slots.slice(0, wrapped))
    ) as Message[] // positions between low and head are always filled
    return messages
  }

  /** The messages from one position on. Cursors that leave at the same place share one array, so nobody may change it. */
  rest(from: number): readonly Message[] {
    const to = this.head
    if (this.#cut?.from !== from || this.#cut.to !== to)
      this.#cut = { from, to, messages: this.cut(from, to) }
    return this.#cut.messages
  }

  #inspect(): void {
    const full = this.cursors.filter(
      (cursor) => !cursor.evicts && this.head - cursor.position >= cursor.capacity,
    )
    for (const cursor of full) this.#overflowed(cursor)
    this.#cut = undefined
    this.#alarm = none
    for (const cursor of this.cursors) this.#watch(cursor)
  }

  #watch(cursor: CursorMailbox): void {
    if (cursor.evicts) return
    const full = cursor.position + cursor.capacity
    if (this.#alarm === none || full < this.#alarm) this.#alarm = full
  }

  /** The slots are full: forget what every cursor has passed, else grow, else overwrite the oldest. */
  #makeRoom(): void {
    const { head } = this
    if (head >= this.#nextSweep) {
      let low = head
      let widest = 0
      for (const cursor of this.cursors) {
        low = Math.min(low, Math.max(cursor.position, head - cursor.capacity))
        widest = Math.max(widest, cursor.capacity)
      }
      this.#clearTo(low)
      this.#most = powerOfTwo(widest)
      // A sweep asks every cursor, so one per lap at most.
      this.#nextSweep = head + this.slots.length
      if (head - this.#low <= this.mask) return
    }
    if (this.slots.length < this.#most) this.#grow()
    else this.#low = head - this.mask
  }

  #grow(): void {
    const size = Math.max(8, this.slots.length * 2)
    const slots = new Array<Message | undefined>(size)
    for (let at = this.#low; at < this.head; at++) slots[at & (size - 1)] = this.slots[at & this.mask]
    this.slots = slots
    this.mask = size - 1
    this.#nextSweep = 0
  }

  #clearTo(position: number): void {
    const from = this.#low
    this.#low = position
    this.#cut = undefined
    if (position - from < 32) {
      // `fill` is a call out of optimised code: a few slots are cleared faster by hand.
      for (let at = from; at < position; at++) this.slots[at & this.mask] = undefined
    } else if (position - from >= this.slots.length) {
      this.slots.fill(undefined)
    } else if (position > from) {
      const start = from & this.mask
      const end = start + (position - from)
      this.slots.fill(undefined, start, end)
      if (end > this.slots.length) this.slots.fill(undefined, 0, end - this.slots.length)
    }
  }
}

/** A small integer, unlike `Infinity`, keeps the comparison in `push` an integer comparison. */
const none = -1

function powerOfTwo(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(atLeast))
}
