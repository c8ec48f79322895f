import { randomBytes } from 'node:crypto'
import { setImmediate as breathe } from 'node:timers/promises'
import { LogCorruptError } from '../errors.ts'
import { batchBytes, sealBatch } from '../format/batch-header.ts'
import { RecordCursor } from '../format/batch-reader.ts'
import { BatchFlag, batchHeaderBytes, segmentHeaderBytes } from '../format/layout.ts'
import { encodeSegmentHeader } from '../format/segment-header.ts'
import type { Snapshot } from '../format/snapshot.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { readSegmentHeader } from '../recovery/directory.ts'
import { sealOf, snapshotIn } from '../recovery/seal.ts'
import { removeIfThere, writeAll } from '../segment/files.ts'
import { compactName, segmentName } from '../segment/names.ts'
import { BatchScan, type ScannedBatch } from '../segment/scan.ts'
import { CompactedBatch, emptyBatch } from './compacted-batch.ts'

/** Decides about the record a cursor stands at. */
export type Keeps = (cursor: RecordCursor) => boolean

/** How much is read or written before others get their turn. */
const stretchBytes = 1 << 20
const indexStep = 48 * 1024

/** Calls `see` for each batch of a sealed segment, and breathes now and then; throws what is damaged. */
export async function eachBatch(
  fs: FileSystem,
  dir: string,
  baseSeq: number,
  see: (batch: ScannedBatch) => void,
): Promise<void> {
  const name = segmentName(baseSeq)
  const file = fs.open(`${dir}/${name}`, 'read')
  try {
    const { salt } = readSegmentHeader(file, name)
    const scan = new BatchScan(file, salt, segmentHeaderBytes, 0, baseSeq)
    let breathed = 0
    for (let batch = scan.next(); batch !== undefined; batch = scan.next()) {
      see(batch)
      if (scan.position - breathed < stretchBytes) continue
      breathed = scan.position
      await breathe()
    }
    const { end } = scan
    if (end !== undefined && end.reason !== 'end')
      throw new LogCorruptError(name, end.position, scan.nextSeq, end.what)
  } finally {
    file.close()
  }
}

/**
 * Writes the segment again with the records that `keeps` keeps, into a file that is on the disk when this resolves, and
 * that nothing refers to yet. Resolves with its length.
 */
export async function rewriteSegment(
  fs: FileSystem,
  dir: string,
  baseSeq: number,
  keeps: Keeps,
): Promise<number> {
  const path = `${dir}/${compactName}`
  removeIfThere(fs, path)
  const old = fs.open(`${dir}/${segmentName(baseSeq)}`, 'read')
  try {
    const header = readSegmentHeader(old, segmentName(baseSeq))
    const file = fs.open(path, 'create')
    try {
      const salt = randomBytes(4).readUInt32LE()
      writeAll(file, encodeSegmentHeader({ ...header, salt }), 0)
      const rewriting = new Rewriting(file, salt, baseSeq, keeps)
      await eachBatch(fs, dir, baseSeq, (batch) => rewriting.take(batch))
      await file.syncLater()
      return rewriting.position
    } finally {
      file.close()
    }
  } finally {
    old.close()
  }
}

class Rewriting {
  readonly #file: File
  readonly #salt: number
  readonly #keeps: Keeps
  readonly #cursor = new RecordCursor()
  readonly #index: [seq: number, at: number, timeMs: number][] = []
  position = segmentHeaderBytes
  #previousCrc = 0
  /** The first sequence number that is not covered yet. */
  #next: number

  constructor(file: File, salt: number, baseSeq: number, keeps: Keeps) {
    this.#file = file
    this.#salt = salt
    this.#keeps = keeps
    this.#next = baseSeq
  }

  take(batch: ScannedBatch): void {
    const { at, buffer, header, view } = batch
    const snapshot = snapshotIn(batch)
    if ((header.flags & BatchFlag.seal) !== 0 && snapshot !== undefined) {
      this.#seal(snapshot)
      return
    }
    if (header.recordCount === 0) return // a watermark, a snapshot of an earlier close, or nothing left
    const cursor = this.#cursor
    cursor.open(buffer, view, at, header)
    const left = new CompactedBatch()
    while (cursor.advance()) if (this.#keeps(cursor)) left.keep(cursor)
    if (cursor.damage !== undefined) throw new Error(cursor.damage)
    if (left.count === 0) return
    const isWhole = left.count === header.recordCount && header.baseSeq === this.#next
    const bytes = isWhole
      ? Buffer.from(buffer.subarray(at, at + batchBytes(header.bodyBytes)))
      : left.close(cursor, header, this.#next)
    this.#indexBatch(this.#next, header.timeMs)
    this.#write(bytes)
    this.#next = header.baseSeq + header.seqSpan
  }

  #seal(snapshot: Snapshot): void {
    const rest = snapshot.nextSeq - this.#next
    if (rest > 0) this.#write(emptyBatch(this.#next, rest, snapshot.timeMs))
    this.#write(sealOf({ ...snapshot, index: this.#index }, this.position))
  }

  #indexBatch(seq: number, timeMs: number): void {
    const last = this.#index.at(-1)
    if (last === undefined || this.position - last[1] >= indexStep)
      this.#index.push([seq, this.position, timeMs])
  }

  /** All of the file is on the disk before it has a name, so each batch may say that everything before it is. */
  #write(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, batchHeaderBytes)
    this.#previousCrc = sealBatch(bytes, view, this.#salt, this.#previousCrc, 0)
    writeAll(this.#file, bytes, this.position)
    this.position += bytes.length
  }
}
