import { crc32 } from 'node:zlib'
import {
  formatMajor,
  formatMinor,
  getU64,
  segmentHeaderBytes,
  segmentMagic,
  setU64,
  viewOf,
} from './layout.ts'

/** What the first block of a segment says. */
export interface SegmentHeader {
  /** 32 hexadecimal digits, the same in every segment of a log. */
  readonly logId: string
  /** Counts the segments of the log, from 1. */
  readonly segmentId: number
  /** The sequence number of its first record. */
  readonly baseSeq: number
  /** Random: mixed into every checksum of the segment, so that what another file left behind never validates. */
  readonly salt: number
  /** Milliseconds since 1970. */
  readonly createdMs: number
  /** Length of the segment before, when it was sealed; 0 for the first one. */
  readonly previousBytes: number
}

/*
 *   0  u32 magic "SPWS"        4  u32 crc32 of bytes 8..127
 *   8  u16 major              10  u16 minor              12  u32 header length (4096)
 *  16  16 B log id            32  u64 segment id         40  u64 base sequence number
 *  48  u32 salt               52  u32 zero               56  u64 created (ms)
 *  64  u64 bytes of the previous segment                 72.. zero
 */
const checkedFrom = 8
const checkedTo = 128

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(segmentHeaderBytes)
  const view = viewOf(bytes)
  view.setUint32(0, segmentMagic, true)
  view.setUint16(8, formatMajor, true)
  view.setUint16(10, formatMinor, true)
  view.setUint32(12, segmentHeaderBytes, true)
  bytes.set(Buffer.from(header.logId, 'hex'), 16)
  setU64(view, 32, header.segmentId)
  setU64(view, 40, header.baseSeq)
  view.setUint32(48, header.salt, true)
  setU64(view, 56, header.createdMs)
  setU64(view, 64, header.previousBytes)
  view.setUint32(4, crc32(bytes.subarray(checkedFrom, checkedTo)), true)
  return bytes
}

export type DecodedSegmentHeader =
  | { readonly header: SegmentHeader }
  | { readonly newer: string }
  | { readonly damage: string }

/** Never throws: says what is wrong with the block instead. */
export function decodeSegmentHeader(bytes: Uint8Array): DecodedSegmentHeader {
  if (bytes.length < segmentHeaderBytes) return { damage: `the file ends inside the segment header` }
  const view = viewOf(bytes)
  if (view.getUint32(0, true) !== segmentMagic)
    return { damage: 'the segment header does not begin with SPWS' }
  if (view.getUint32(4, true) !== crc32(bytes.subarray(checkedFrom, checkedTo)))
    return { damage: 'the checksum of the segment header does not match' }
  const [major, minor] = [view.getUint16(8, true), view.getUint16(10, true)]
  if (major !== formatMajor || view.getUint32(12, true) !== segmentHeaderBytes)
    return { newer: `${major}.${minor}` }
  for (let at = checkedTo; at < segmentHeaderBytes; at++)
    if (bytes[at] !== 0) return { damage: `byte ${at} of the segment header is not zero` }
  const header: SegmentHeader = {
    logId: Buffer.from(bytes.subarray(16, 32)).toString('hex'),
    segmentId: getU64(view, 32),
    baseSeq: getU64(view, 40),
    salt: view.getUint32(48, true),
    createdMs: getU64(view, 56),
    previousBytes: getU64(view, 64),
  }
  return { header }
}
