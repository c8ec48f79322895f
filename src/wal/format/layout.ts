/**
 * Format 1 of the log on disk. All integers are unsigned and little-endian. `docs/wal-format.md` shows the same tables.
 *
 * A directory holds `MANIFEST`, `LOCK` and segments named by the first sequence number they may hold. A segment is a
 * header and then batches, one behind the other. A batch is the unit of writing and of checking: a header of 64 bytes
 * and a body of records.
 */

/** The version this code writes. A higher major version is refused as newer; a higher minor one is read. */
export const formatMajor = 1
export const formatMinor = 0

export const segmentMagic = 0x53575053 // "SPWS"
export const batchMagic = 0x42575053 // "SPWB"
export const trailerMagic = 0x45575053 // "SPWE"

/** The segment's header has a block of its own, so that no later write touches its sectors. */
export const segmentHeaderBytes = 4096
export const batchHeaderBytes = 64
/** Batches begin at multiples of this. */
export const batchAlignment = 8
/** The end of a sealed segment: where its seal begins. */
export const trailerBytes = 16
export const recordHeaderBytes = 8

/** What a batch is. Any bit not named here is refused: it would be from a newer version. */
export const BatchFlag = {
  /** Compacted: records carry their own numbers, and some are missing. */
  compacted: 16,
  /** The body is a `Snapshot` as JSON; it holds no records. */
  control: 32,
  /** No body: says how far the log was durable, for the time after the last record. */
  watermark: 64,
  /** The control batch that closes a segment; a trailer follows the JSON. */
  seal: 128,
  /** Some of its records carry a producer's sequence. */
  producers: 256,
} as const
export const knownBatchFlags: number =
  BatchFlag.compacted | BatchFlag.control | BatchFlag.watermark | BatchFlag.seal | BatchFlag.producers

/** Which optional parts a record has, in the order they stand before the value. */
export const RecordAttribute = {
  /** u16 length, bytes. */
  key: 1,
  /** u16 count, then for each u16 length, name, u32 length, value. */
  headers: 2,
  /** Under its key there is nothing any more. */
  tombstone: 4,
  /** u16 length, producer id, u64 sequence. */
  producer: 8,
  /** u16 length, bytes: an id given by the publisher. */
  id: 16,
  /** u32 sequence delta, u32 offset delta: in compacted batches. */
  deltas: 32,
} as const
export const knownRecordAttributes = 63

/** How the value of a record is encoded. */
export const Encoding = { bytes: 0, json: 1, text: 2, nothing: 3, custom: 4 } as const
export type Encoding = (typeof Encoding)[keyof typeof Encoding]

const high = 2 ** 32

/** Writes a whole number up to 2^53 as u64. */
export function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  view.setUint32(at + 4, Math.floor(value / high), true)
}

/** Reads a u64; beyond 2^53 it is inexact, which no number of this format reaches. */
export function getU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * high
}

/** The next multiple of `alignment`, a power of two. */
export function align(position: number, alignment: number): number {
  return Math.ceil(position / alignment) * alignment
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
