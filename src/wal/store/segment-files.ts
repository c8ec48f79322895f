import { LogCorruptError } from '../errors.ts'
import { segmentHeaderBytes } from '../format/layout.ts'
import type { Snapshot } from '../format/snapshot.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import type { IndexEntry } from '../recovery/log-state.ts'
import { readSegmentHeader, type SealedSegment } from '../recovery/directory.ts'
import { findSeal, snapshotIn } from '../recovery/seal.ts'
import { segmentName } from '../segment/names.ts'

/** A segment open for reading. */
export interface OpenSegment {
  readonly baseSeq: number
  readonly file: File
  readonly salt: number
}

/** How many reads of a file are under way: it must not be closed before they are done, lest its number be given away. */
interface Use {
  reads: number
  forgotten: boolean
}

/** A place to begin reading at: the batch that begins at `position` begins with `seq`. */
export interface Place {
  readonly segment: number
  readonly position: number
  readonly seq: number
}

/** What `SegmentFiles` must know of the log that is being written. */
export interface LiveLog {
  readonly segments: readonly SealedSegment[]
  readonly activeBase: number
  readonly activeIndex: readonly IndexEntry[]
}

const mostOpen = 64

/** Files of segments for reading, opened when needed and kept open while they are used often. */
export class SegmentFiles {
  readonly #fs: FileSystem
  readonly #dir: string
  readonly #live: LiveLog
  readonly #open = new Map<number, OpenSegment>()
  readonly #uses = new WeakMap<File, Use>()
  readonly #seals = new Map<number, { readonly salt: number; readonly snapshot: Snapshot }>()

  constructor(fs: FileSystem, dir: string, live: LiveLog) {
    this.#fs = fs
    this.#dir = dir
    this.#live = live
  }

  segment(baseSeq: number): OpenSegment {
    const known = this.#open.get(baseSeq)
    if (known !== undefined) return known
    const name = segmentName(baseSeq)
    const file = this.#fs.open(`${this.#dir}/${name}`, 'read')
    const segment = { baseSeq, file, salt: readSegmentHeader(file, name).salt }
    this.#open.set(baseSeq, segment)
    if (this.#open.size > mostOpen) this.forget(this.#open.keys().next().value ?? baseSeq)
    return segment
  }

  /** The snapshot in the seal of a sealed segment, also while the seal is being written. */
  seal(baseSeq: number): Snapshot {
    const unwritten = lastBefore(this.#live.segments, (sealed) => sealed.baseSeq <= baseSeq)?.unwritten
    if (unwritten !== undefined) return unwritten
    const { file, salt } = this.segment(baseSeq)
    const known = this.#seals.get(baseSeq)
    if (known?.salt === salt) return known.snapshot
    const name = segmentName(baseSeq)
    const batch = findSeal(file, readSegmentHeader(file, name))
    const snapshot = batch === undefined ? undefined : snapshotIn(batch)
    if (snapshot === undefined)
      throw new LogCorruptError(name, file.size(), undefined, 'the seal at its end is missing or damaged')
    this.#seals.set(baseSeq, { salt, snapshot })
    if (this.#seals.size > mostOpen) this.#seals.delete(this.#seals.keys().next().value ?? baseSeq)
    return snapshot
  }

  /** The segment that holds `seq` and the last indexed batch at or before it. */
  locate(seq: number): Place {
    const segment = this.segmentOf(seq)
    const entry = lastBefore(this.index(segment), (candidate) => candidate[0] <= seq)
    return entry === undefined
      ? { segment, position: segmentHeaderBytes, seq: segment }
      : { segment, position: entry[1], seq: entry[0] }
  }

  /** The last indexed batch that began before `timeMs`. */
  locateTime(timeMs: number): Place {
    const { activeBase, segments } = this.#live
    const segment = segments.find((sealed) => sealed.lastMs >= timeMs)?.baseSeq ?? activeBase
    const entry = lastBefore(this.index(segment), (candidate) => candidate[2] < timeMs)
    return entry === undefined
      ? { segment, position: segmentHeaderBytes, seq: segment }
      : { segment, position: entry[1], seq: entry[0] }
  }

  index(segment: number): readonly IndexEntry[] {
    return segment === this.#live.activeBase ? this.#live.activeIndex : this.seal(segment).index
  }

  segmentOf(seq: number): number {
    const { activeBase, segments } = this.#live
    if (seq >= activeBase) return activeBase
    return (
      lastBefore(segments, (sealed) => sealed.baseSeq <= seq)?.baseSeq ?? segments[0]?.baseSeq ?? activeBase
    )
  }

  /** Reads from a segment's file as `File.readLater` does; the file stays open meanwhile. */
  async read(
    baseSeq: number,
    into: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<number> {
    const { file } = this.segment(baseSeq)
    const use = this.#uses.get(file) ?? { reads: 0, forgotten: false }
    this.#uses.set(file, use)
    use.reads++
    try {
      return await file.readLater(into, offset, length, position)
    } finally {
      if (--use.reads === 0 && use.forgotten) file.close()
    }
  }

  /** Closes a file that is not needed any more. */
  forget(baseSeq: number): void {
    const file = this.#open.get(baseSeq)?.file
    this.#open.delete(baseSeq)
    this.#seals.delete(baseSeq)
    if (file === undefined) return
    const use = this.#uses.get(file)
    if (use === undefined || use.reads === 0) file.close()
    else use.forgotten = true
  }

  close(): void {
    for (const baseSeq of [...this.#open.keys()]) this.forget(baseSeq)
  }
}

/** The last element for which `holds`, of a list in which it holds for the first ones only. */
export function lastBefore<T>(list: readonly T[], holds: (item: T) => boolean): T | undefined {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const item = list[middle]
    if (item !== undefined && holds(item)) low = middle + 1
    else high = middle
  }
  return list[low - 1]
}
