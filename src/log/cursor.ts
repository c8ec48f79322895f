import type { TopicLog } from './topic-log.ts'

/** Who reads a topic, when it has come to the end and something is appended. */
export interface Rousable {
  roused(cursor: Cursor): void
}

/** How far a reader has come in one topic. */
export class Cursor {
  readonly log: TopicLog
  readonly reader: Rousable
  /** The next offset it will read. */
  offset: number
  /** The place in the whole log of the record there; it orders the topics that a reader merges. */
  seq = -1
  /** Where its reader wants no more. */
  stopAt: number = Number.POSITIVE_INFINITY
  /** Its place among those at the end of the topic; -1 while there is something to read. */
  seat = -1

  constructor(log: TopicLog, reader: Rousable, offset: number) {
    this.log = log
    this.reader = reader
    this.offset = offset
  }

  /** How many retained records it has before it. */
  get pending(): number {
    const { first, next } = this.log
    return Math.max(0, Math.min(next, this.stopAt) - Math.max(this.offset, first))
  }

  /** True when there is something to read, or something to read has been evicted. */
  get behind(): boolean {
    return this.offset < this.log.next && this.offset < this.stopAt
  }
}

/** Cursors by the place of their next record, the lowest on top. */
export class CursorHeap {
  readonly #cursors: Cursor[] = []

  get size(): number {
    return this.#cursors.length
  }

  get top(): Cursor | undefined {
    return this.#cursors[0]
  }

  push(cursor: Cursor): void {
    const cursors = this.#cursors
    let at = cursors.length
    cursors.push(cursor)
    while (at > 0) {
      const parent = cursors[(at - 1) >> 1]! // above an index that is there
      if (parent.seq <= cursor.seq) break
      cursors[at] = parent
      at = (at - 1) >> 1
    }
    cursors[at] = cursor
  }

  /** The top cursor has moved on. */
  sink(): void {
    const cursors = this.#cursors
    if (cursors.length > 1) this.#place(cursors[0]!)
  }

  /** Removes the top cursor. */
  pop(): void {
    const last = this.#cursors.pop()
    if (last !== undefined && this.#cursors.length > 0) this.#place(last)
  }

  clear(): void {
    this.#cursors.length = 0
  }

  /** Puts a cursor where it belongs, beginning at the top, which is free. */
  #place(cursor: Cursor): void {
    const cursors = this.#cursors
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= cursors.length) break
      if (child + 1 < cursors.length && cursors[child + 1]!.seq < cursors[child]!.seq) child++
      if (cursors[child]!.seq >= cursor.seq) break
      cursors[at] = cursors[child]!
      at = child
    }
    cursors[at] = cursor
  }
}
