import { viewOf } from '../format/layout.ts'
import type { SegmentFiles } from './segment-files.ts'

const leastRead = 64 * 1024
const mostRead = 1024 * 1024
/** Room in front of what is read ahead, for the beginning of a batch that the window before ended in. */
const carryRoom = 256 * 1024

/** Bytes of one segment in memory. */
interface Held {
  memory: Buffer
  view: DataView
  /** Where in the file the first byte of the memory would stand; it may be before the file. */
  base: number
  /** What of it is there, as positions in the file. */
  from: number
  to: number
  /** What was visible when it was read: behind that the file may have changed since. */
  seq: number
}

/** The next part of the segment, on its way. */
interface Ahead {
  readonly segment: number
  readonly held: Held
  readonly read: Promise<number>
}

/**
 * The part of a segment that a reader looks at. Each read is twice as long as the one before, up to 1 MiB; from then
 * on the next one is under way, into a second memory, while this one is looked at.
 */
export class ReadWindow {
  readonly #files: SegmentFiles
  readonly #visible: () => number
  #held: Held = emptyHeld()
  /** Memory to read into next, when no read is under way. */
  #spare: Held | undefined
  #ahead: Ahead | undefined
  #segment = -1
  #nextRead = leastRead

  /** `visible` says below which number records may be read. */
  constructor(files: SegmentFiles, visible: () => number) {
    this.#files = files
    this.#visible = visible
  }

  get memory(): Buffer {
    return this.#held.memory
  }

  get view(): DataView {
    return this.#held.view
  }

  /** Where in `memory` the byte at `position` stands. */
  at(position: number): number {
    return position - this.#held.base
  }

  /** True when all of it is in memory. */
  has(position: number, length: number): boolean {
    return position >= this.#held.from && position + length <= this.#held.to
  }

  /** Looks at another place, and reads little at first. */
  move(segment: number): void {
    this.#segment = segment
    this.#nextRead = leastRead
    this.#held.from = this.#held.to = 0
    this.#ahead = undefined // it may be of a file that was replaced; its memory is given up
  }

  /** The reader goes on in this segment, which may be the one it is in. */
  follow(segment: number): void {
    if (segment === this.#segment) return
    this.#segment = segment
    this.#held.from = this.#held.to = 0
  }

  /** What is in memory is of no use for records from `seq` on: they were not all there when it was read. */
  renew(seq: number): void {
    if (seq < this.#held.seq) return
    this.#held.from = this.#held.to = 0
    this.#ahead = undefined // its memory is given up: it is still being written to
  }

  /** Makes bytes at `position` readable without waiting for another thread; as many as a short read gives. */
  loadNow(position: number, length: number): void {
    const held = this.#claim(position, Math.max(length, this.#grow()))
    const { memory } = held
    const { file } = this.#files.segment(this.#segment)
    for (let done = 0; done < length;) {
      const read = file.read(memory, done, memory.length - done, position + done)
      if (read === 0) return
      done += read
      held.to = position + done
    }
  }

  /**
   * Makes `length` bytes at `position` readable; false when the file ends before. What was read before the record `seq`
   * was there is of no use.
   */
  async load(position: number, length: number, seq: number): Promise<boolean> {
    if (await this.#takeAhead(position, length, seq)) return true
    const held = this.#claim(position, Math.max(length, this.#grow()))
    while (!this.has(position, length)) {
      const at = held.to - held.base
      const room = held.memory.length - at
      const read = await this.#files.read(this.#segment, held.memory, at, room, held.to)
      if (read === 0) return false
      held.to += read
    }
    this.#readAhead()
    return true
  }

  #grow(): number {
    const wanted = this.#nextRead
    this.#nextRead = Math.min(mostRead, wanted * 2)
    return wanted
  }

  /** Makes the window begin at `position`, keeping what it has from there on. */
  #claim(position: number, wanted: number): Held {
    const old = this.#held
    const kept = position >= old.from && position < old.to ? old.to - position : 0
    let { memory, view } = old
    if (memory.length < wanted) {
      memory = Buffer.allocUnsafeSlow(wanted)
      view = viewOf(memory)
    }
    if (kept > 0) memory.set(old.memory.subarray(position - old.base, old.to - old.base))
    const visible = this.#visible()
    const seq = kept > 0 ? Math.min(old.seq, visible) : visible
    this.#held = { memory, view, base: position, from: position, to: position + kept, seq }
    return this.#held
  }

  /** Begins to read what follows the window, once reads have become long. */
  #readAhead(): void {
    const { to } = this.#held
    if (this.#nextRead < mostRead || this.#ahead !== undefined) return
    const held = this.#spare ?? emptyHeld(carryRoom + mostRead)
    this.#spare = undefined
    Object.assign(held, { base: to - carryRoom, from: to, to, seq: this.#visible() })
    const read = this.#files.read(this.#segment, held.memory, carryRoom, mostRead, to)
    read.catch(noop) // whoever takes it hears of it
    this.#ahead = { segment: this.#segment, held, read }
  }

  /** Goes on in what was read ahead, if that is what follows; false when more has to be read. */
  async #takeAhead(position: number, length: number, seq: number): Promise<boolean> {
    const ahead = this.#ahead
    if (ahead === undefined) return false
    const old = this.#held
    const kept = old.to - position
    const follows = ahead.segment === this.#segment && ahead.held.from === old.to && position >= old.from
    if (!follows || kept < 0 || kept > carryRoom || seq >= ahead.held.seq) {
      this.#ahead = undefined
      return false
    }
    const read = await ahead.read
    if (this.#ahead !== ahead) return false
    this.#ahead = undefined
    const { held } = ahead
    held.to = held.from + read
    if (kept > 0) {
      held.memory.set(old.memory.subarray(position - old.base, old.to - old.base), carryRoom - kept)
      held.from = position
      held.seq = Math.min(held.seq, old.seq)
    }
    this.#held = held
    if (old.memory.length === carryRoom + mostRead) this.#spare = old
    if (!this.has(position, length)) return false
    this.#readAhead()
    return true
  }
}

function emptyHeld(bytes = 0): Held {
  const memory = Buffer.allocUnsafeSlow(bytes)
  return { memory, view: viewOf(memory), base: 0, from: 0, to: 0, seq: 0 }
}

function noop(): void {}
