import { crc32 } from 'node:zlib'
import {
  align,
  BatchFlag,
  batchAlignment,
  batchHeaderBytes,
  batchMagic,
  getU64,
  knownBatchFlags,
  setU64,
} from './layout.ts'

/** The header of one batch, decoded. */
export interface BatchHeader {
  readonly bodyBytes: number
  readonly bodyCrc: number
  readonly baseSeq: number
  readonly recordCount: number
  /** Sequence numbers the batch covers; equals `recordCount` unless compacted. */
  readonly seqSpan: number
  readonly timeMs: number
  readonly previousCrc: number
  /** How far before this batch the log was durable when the batch was written, in bytes. */
  readonly durableBack: number
  readonly flags: number
  readonly topicCount: number
  /** Where the dictionary begins, from the start of the body. */
  readonly dictionaryAt: number
  readonly crc: number
}

/*
 *   0  u32 magic "SPWB"          4  u32 crc32 of bytes 8..63, begun with the segment's salt
 *   8  u32 body bytes           12  u32 crc32 of the body, begun with the segment's salt
 *  16  u64 base sequence number 24  u32 records             28  u32 sequence numbers covered
 *  32  u64 time (ms)            40  u32 crc of the header before (0 for the first)
 *  44  u32 watermark: bytes back to where the log was durable, / 8
 *  48  u16 flags                50  u16 topics              52  u32 dictionary, from the start of the body
 *  56  u32 zero                 60  u16 header bytes (64)   62  u16 lowest minor version that can read it
 */

/** While a batch waits to be written, the place of its header's checksum says whether that of its body is there. */
const unchecked = 0
const checked = 1

/** Fills in what is known while a batch is being built. */
export function describeBatch(
  view: DataView,
  batch: Pick<
    BatchHeader,
    'bodyBytes' | 'baseSeq' | 'recordCount' | 'seqSpan' | 'timeMs' | 'flags' | 'topicCount' | 'dictionaryAt'
  >,
): void {
  view.setUint32(0, batchMagic, true)
  view.setUint32(4, unchecked, true)
  view.setUint32(8, batch.bodyBytes, true)
  setU64(view, 16, batch.baseSeq)
  view.setUint32(24, batch.recordCount, true)
  view.setUint32(28, batch.seqSpan, true)
  setU64(view, 32, batch.timeMs)
  view.setUint16(48, batch.flags, true)
  view.setUint16(50, batch.topicCount, true)
  view.setUint32(52, batch.dictionaryAt, true)
  view.setUint32(56, 0, true)
  view.setUint16(60, batchHeaderBytes, true)
  view.setUint16(62, 0, true)
}

/** Adds the checksum of the body, ahead of `completeBatch`. */
export function checkBody(bytes: Uint8Array, view: DataView, salt: number): void {
  const bodyBytes = view.getUint32(8, true)
  const body = bytes.subarray(batchHeaderBytes, batchHeaderBytes + bodyBytes)
  view.setUint32(12, crc32(body, salt), true)
  view.setUint32(4, checked, true)
}

/** Adds to a batch just described what is known when it is written; returns as `sealBatch`. */
export function completeBatch(
  bytes: Uint8Array,
  view: DataView,
  salt: number,
  previousCrc: number,
  durableBack: number,
): number {
  if (view.getUint32(4, true) === checked) return sealHeader(bytes, view, salt, previousCrc, durableBack)
  return sealBatch(bytes, view, salt, previousCrc, durableBack)
}

/** Adds the watermark, the chain and the checksums; returns the header's checksum, for the next batch. */
export function sealBatch(
  bytes: Uint8Array,
  view: DataView,
  salt: number,
  previousCrc: number,
  durableBack: number,
): number {
  checkBody(bytes, view, salt)
  return sealHeader(bytes, view, salt, previousCrc, durableBack)
}

function sealHeader(
  bytes: Uint8Array,
  view: DataView,
  salt: number,
  previousCrc: number,
  durableBack: number,
): number {
  view.setUint32(40, previousCrc, true)
  view.setUint32(44, Math.floor(durableBack / batchAlignment), true)
  const crc = crc32(bytes.subarray(8, batchHeaderBytes), salt)
  view.setUint32(4, crc, true)
  return crc
}

export type DecodedBatchHeader =
  | { readonly header: BatchHeader }
  | { readonly damage: string }
  | { readonly newer: string }

/** Decodes the 64 bytes at `at`. Nothing in them is used before their checksum matches. */
export function decodeBatchHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  salt: number,
): DecodedBatchHeader {
  if (at + batchHeaderBytes > bytes.length) return { damage: 'the file ends inside a batch header' }
  if (view.getUint32(at, true) !== batchMagic) return { damage: 'no batch begins here' }
  const crc = crc32(bytes.subarray(at + 8, at + batchHeaderBytes), salt)
  if (view.getUint32(at + 4, true) !== crc)
    return { damage: 'the checksum of the batch header does not match' }
  const flags = view.getUint16(at + 48, true)
  if ((flags & ~knownBatchFlags) !== 0) return { newer: `batch flags ${flags}` }
  if (view.getUint16(at + 60, true) !== batchHeaderBytes || view.getUint16(at + 62, true) > 0)
    return { newer: `batch header of ${view.getUint16(at + 60, true)} bytes` }
  const header: BatchHeader = {
    bodyBytes: view.getUint32(at + 8, true),
    bodyCrc: view.getUint32(at + 12, true),
    baseSeq: getU64(view, at + 16),
    recordCount: view.getUint32(at + 24, true),
    seqSpan: view.getUint32(at + 28, true),
    timeMs: getU64(view, at + 32),
    previousCrc: view.getUint32(at + 40, true),
    durableBack: view.getUint32(at + 44, true) * batchAlignment,
    flags,
    topicCount: view.getUint16(at + 50, true),
    dictionaryAt: view.getUint32(at + 52, true),
    crc,
  }
  return { header }
}

/** Bytes from the start of a batch to the start of the next. */
export function batchBytes(bodyBytes: number): number {
  return align(batchHeaderBytes + bodyBytes, batchAlignment)
}

export function isControl(header: Pick<BatchHeader, 'flags'>): boolean {
  return (header.flags & (BatchFlag.control | BatchFlag.watermark)) !== 0
}
