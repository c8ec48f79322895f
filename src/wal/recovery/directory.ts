import { randomBytes } from 'node:crypto'
import { LogCorruptError, LogNewerError } from '../errors.ts'
import { segmentHeaderBytes } from '../format/layout.ts'
import { decodeManifest, encodeManifest, type Manifest } from '../format/manifest.ts'
import { decodeSegmentHeader, type SegmentHeader } from '../format/segment-header.ts'
import type { Snapshot } from '../format/snapshot.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { codeOf, readFully, readWholeFile, replaceFile } from '../segment/files.ts'
import { baseSeqOf, manifestName, manifestTemporaryName } from '../segment/names.ts'

/** A segment that will not change any more. */
export interface SealedSegment {
  readonly baseSeq: number
  readonly bytes: number
  /** Time of its last record. */
  readonly lastMs: number
  /** What its seal says, until that is on the disk. */
  unwritten?: Snapshot | undefined
}

/** Those whose seals are on the disk: a crash takes nothing of them. The others are the newest. */
export function sealedForGood(segments: readonly SealedSegment[]): readonly SealedSegment[] {
  return segments.filter(({ unwritten }) => unwritten === undefined)
}

/** Reads MANIFEST; undefined when there is none. */
export function readManifest(fs: FileSystem, dir: string): Manifest | undefined {
  let bytes: Uint8Array
  try {
    bytes = readWholeFile(fs, `${dir}/${manifestName}`)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  const decoded = decodeManifest(bytes)
  if ('newer' in decoded) throw new LogNewerError(manifestName, `format ${decoded.newer}`)
  if ('damage' in decoded) throw new LogCorruptError(manifestName, 0, undefined, decoded.damage)
  return decoded.manifest
}

export function writeManifest(fs: FileSystem, dir: string, manifest: Manifest): void {
  replaceFile(fs, dir, manifestName, manifestTemporaryName, encodeManifest(manifest))
}

/** The first sequence numbers of the segments in `dir`, rising. */
export function segmentBases(fs: FileSystem, dir: string): readonly number[] {
  return fs
    .readdir(dir)
    .map(baseSeqOf)
    .filter((base) => base !== undefined)
    .toSorted((a, b) => a - b)
}

export function readSegmentHeader(file: File, name: string): SegmentHeader {
  const bytes = new Uint8Array(segmentHeaderBytes)
  const decoded = decodeSegmentHeader(bytes.subarray(0, readFully(file, bytes, 0)))
  if ('newer' in decoded) throw new LogNewerError(name, `format ${decoded.newer}`)
  if ('damage' in decoded) throw new LogCorruptError(name, 0, baseSeqOf(name), decoded.damage)
  return decoded.header
}

/** The header of the segment that follows one of `previousBytes` bytes. */
export function nextHeader(
  logId: string,
  segmentId: number,
  baseSeq: number,
  previousBytes: number,
  createdMs: number,
): SegmentHeader {
  const salt = randomBytes(4).readUInt32LE()
  return { logId, segmentId, baseSeq, salt, createdMs, previousBytes }
}
