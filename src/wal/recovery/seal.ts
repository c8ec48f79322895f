import { LogCorruptError } from '../errors.ts'
import {
  BatchFlag,
  batchHeaderBytes,
  getU64,
  segmentHeaderBytes,
  setU64,
  trailerBytes,
  trailerMagic,
  viewOf,
} from '../format/layout.ts'
import { controlBatch } from '../format/batch-builder.ts'
import type { SegmentHeader } from '../format/segment-header.ts'
import { decodeSnapshot, encodeSnapshot, type Snapshot } from '../format/snapshot.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { readFully } from '../segment/files.ts'
import { segmentName } from '../segment/names.ts'
import { BatchScan, type ScannedBatch } from '../segment/scan.ts'
import { readSegmentHeader } from './directory.ts'

/** The batch that ends a segment. Its last 16 bytes say where it begins: u64 position, u32 magic "SPWE", u32 zero. */
export function sealOf(snapshot: Snapshot, position: number): Uint8Array {
  const body = encodeSnapshot(snapshot)
  const batch = controlBatch(BatchFlag.seal, body, snapshot.nextSeq, snapshot.timeMs, trailerBytes)
  const view = viewOf(batch)
  setU64(view, batch.length - trailerBytes, position)
  view.setUint32(batch.length - 8, trailerMagic, true)
  return batch
}

/** The snapshot inside a control batch, or undefined when the batch holds none. */
export function snapshotIn(batch: ScannedBatch): Snapshot | undefined {
  if ((batch.header.flags & BatchFlag.control) === 0) return undefined
  const from = batch.at + batchHeaderBytes
  return decodeSnapshot(batch.buffer.subarray(from, from + batch.header.dictionaryAt))
}

/** Reads header and seal of a segment that must be sealed. */
export function readSeal(
  fs: FileSystem,
  dir: string,
  baseSeq: number,
  logId: string,
): { readonly header: SegmentHeader; readonly snapshot: Snapshot; readonly bytes: number } {
  const name = segmentName(baseSeq)
  const file = fs.open(`${dir}/${name}`, 'read')
  try {
    const header = readSegmentHeader(file, name)
    if (header.logId !== logId || header.baseSeq !== baseSeq)
      throw new LogCorruptError(name, 0, baseSeq, 'the segment belongs to another log or place')
    const seal = findSeal(file, header)
    const snapshot = seal === undefined ? undefined : snapshotIn(seal)
    if (snapshot === undefined)
      throw new LogCorruptError(name, file.size(), undefined, 'the seal at its end is missing or damaged')
    return { header, snapshot, bytes: file.size() }
  } finally {
    file.close()
  }
}

/** The seal that ends `file`, if one does. */
export function findSeal(file: File, header: SegmentHeader): ScannedBatch | undefined {
  const bytes = file.size()
  const trailer = new Uint8Array(trailerBytes)
  if (bytes < segmentHeaderBytes + batchHeaderBytes + trailerBytes) return undefined
  if (readFully(file, trailer, bytes - trailerBytes) < trailerBytes) return undefined
  const view = viewOf(trailer)
  const position = getU64(view, 0)
  if (view.getUint32(8, true) !== trailerMagic || position < segmentHeaderBytes || position >= bytes)
    return undefined
  const scan = new BatchScan(file, header.salt, position)
  const batch = scan.next()
  return batch !== undefined && (batch.header.flags & BatchFlag.seal) !== 0 && scan.position === bytes
    ? batch
    : undefined
}
