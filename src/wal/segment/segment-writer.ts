import { batchBytes, completeBatch } from '../format/batch-header.ts'
import { encodeSegmentHeader, type SegmentHeader } from '../format/segment-header.ts'
import { batchHeaderBytes, segmentHeaderBytes, viewOf } from '../format/layout.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { createDurably, writeAll } from './files.ts'
import { nextName, segmentName } from './names.ts'
import { WriterPlace } from './writer-place.ts'

/** Where writing goes on. */
export interface WriterStart {
  readonly header: SegmentHeader
  readonly position: number
  readonly previousCrc: number
}

/** How much is written as zeros ahead of the records: overwriting needs no change of the file's extents to be synced. */
const zeroStep = 256 * 1024
const zeros = new Uint8Array(zeroStep)
/** Behind larger writes there are no zeros: they would be written twice, and gain little. */
const largeWrite = 64 * 1024

/**
 * Appends batches to the active segment and moves on to the next. After any method has thrown, call only `close`.
 * Given the `place` of another writer of the same segment, it goes on where that one has stopped.
 */
export class SegmentWriter {
  readonly #fs: FileSystem
  readonly #dir: string
  readonly #zeroAhead: number
  readonly #place: WriterPlace
  #file: File
  #header: SegmentHeader
  #isLarge = false
  /** A sync has failed. */
  #broken = false
  /** After `write` has thrown: nothing from `since` on can be found on the disk. */
  undone = false

  constructor(
    fs: FileSystem,
    dir: string,
    start: WriterStart,
    zeroAhead: number,
    place: WriterPlace = placeOf(start),
  ) {
    this.#fs = fs
    this.#dir = dir
    this.#zeroAhead = zeroAhead
    this.#header = start.header
    this.#place = place
    this.#file = fs.open(`${dir}/${segmentName(start.header.baseSeq)}`, 'write')
    place.zeroedTo = Math.max(place.zeroedTo, this.#file.size())
  }

  get position(): number {
    return this.#place.position
  }

  get durable(): number {
    return this.#place.durable
  }

  /**
   * Completes the batches that stand in `bytes` one behind the other and writes them. Nothing is durable yet. When it
   * throws, what was written from `since` on is taken back as far as the system allows.
   */
  write(bytes: Uint8Array, since: number): void {
    const view = viewOf(bytes)
    const start = this.#place.position
    const { durable } = this.#place
    let { previousCrc } = this.#place
    for (let at = 0; at < bytes.length;) {
      const length = batchBytes(view.getUint32(at + 8, true))
      const batch = bytes.subarray(at, at + length)
      const batchView = new DataView(view.buffer, view.byteOffset + at, batchHeaderBytes)
      previousCrc = completeBatch(batch, batchView, this.#header.salt, previousCrc, start + at - durable)
      at += length
    }
    try {
      writeAll(this.#file, bytes, start)
    } catch (error) {
      this.undone = this.#undo(since)
      throw error
    }
    this.#place.previousCrc = previousCrc
    this.#place.position = start + bytes.length
    this.#isLarge = bytes.length > largeWrite
  }

  /**
   * Makes everything written so far durable. When it throws, what was written from `since` on is taken back as far as
   * the system allows; a failed sync is never tried again, because the system may have forgotten the pages.
   */
  sync(since: number): void {
    if (this.#place.durable === this.#place.position) return
    try {
      this.#file.sync()
    } catch (error) {
      this.#broken = true
      this.#undo(since)
      throw error
    }
    this.#place.durable = this.#place.position
  }

  /** Ends the segment, whose seal has been written, and begins the next one. */
  rotate(next: SegmentHeader): void {
    const end = this.#place.position
    if (this.#place.zeroedTo > end) this.#file.truncate(end)
    this.#file.sync()
    this.#place.durable = end
    const name = segmentName(next.baseSeq)
    beginSegment(this.#fs, this.#dir, next)
    const file = this.#fs.open(`${this.#dir}/${name}`, 'write') // when that fails, there is still one to close
    this.#file.close()
    this.#file = file
    this.#header = next
    this.#place.begin(segmentHeaderBytes, 0)
  }

  /** Writes some zeros ahead, when there is time for it; returns whether there was something to do. */
  prepare(): boolean {
    const { position, zeroedTo } = this.#place
    if (this.#zeroAhead === 0 || this.#isLarge || zeroedTo - position >= this.#zeroAhead) return false
    const from = Math.max(zeroedTo, position)
    this.#place.zeroedTo = from + zeroStep // even if it fails: part of them may be there, and must be cut off at the end
    writeAll(this.#file, zeros, from)
    return true
  }

  /** Cuts the zeros off, so that the file ends with its last batch. */
  trim(): void {
    const { position, zeroedTo } = this.#place
    if (zeroedTo > position) this.#file.truncate(position)
  }

  close(): void {
    this.#file.close()
  }

  /** Cuts the file; true when that is on disk, so that nothing behind `position` can come back. */
  #undo(position: number): boolean {
    try {
      this.#file.truncate(position)
      if (this.#broken) return false
      this.#file.sync()
      return true
    } catch {
      return false // the error that led here is the one that is reported
    }
  }
}

/** Makes a segment appear under its name with a header that is on disk: a segment with a torn header cannot exist. */
export function beginSegment(fs: FileSystem, dir: string, header: SegmentHeader): void {
  createDurably(fs, `${dir}/${nextName}`, encodeSegmentHeader(header))
  fs.rename(`${dir}/${nextName}`, `${dir}/${segmentName(header.baseSeq)}`)
  fs.syncDirectory(dir)
}

function placeOf({ position, previousCrc }: WriterStart): WriterPlace {
  const place = new WriterPlace()
  place.begin(position, previousCrc)
  return place
}
