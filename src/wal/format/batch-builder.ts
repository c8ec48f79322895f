import { batchBytes, describeBatch } from './batch-header.ts'
import {
  align,
  BatchFlag,
  batchHeaderBytes,
  type Encoding,
  RecordAttribute,
  recordHeaderBytes,
  setU64,
  viewOf,
} from './layout.ts'

/** A topic as batches know it. The builder counts its offsets on and remembers where it stands in the dictionary. */
export interface BatchTopic {
  readonly name: string
  readonly utf8: Uint8Array
  /** The offset its next record gets. */
  next: number
  /** Which batch `slot` belongs to. */
  batch: number
  slot: number
}

/** The optional parts of a record. */
export interface RecordExtras {
  readonly key?: Uint8Array | undefined
  readonly headers?: readonly (readonly [name: Uint8Array, value: Uint8Array])[] | undefined
  readonly tombstone?: boolean | undefined
  readonly producer?: { readonly id: Uint8Array; readonly sequence: number } | undefined
  readonly id?: Uint8Array | undefined
}

const dictionaryEntryBytes = 16
const maxTopics = 65_535
let batches = 0

/**
 * Builds one batch in place: records from the front, then the dictionary of its topics.
 *
 *   record, 4-aligned:           u32 length of what follows these 8 bytes | u16 topic | u8 attributes | u8 encoding
 *                                optional parts as `RecordAttribute` orders them | value
 *   dictionary entry, 8-aligned: u16 length of the name | u16 zero | u32 records | u64 offset of the first | name
 *
 * Sequence numbers and offsets of plain batches are not stored: they follow from the header and the dictionary.
 */
export class BatchBuilder {
  readonly #buffer: Buffer
  readonly #view: DataView
  readonly #mark = ++batches
  readonly #topics: BatchTopic[] = []
  readonly #firstOffsets: number[] = []
  #dictionaryBytes = 0
  #at = batchHeaderBytes
  #timeMs = 0
  #baseSeq = 0
  #flags = 0
  count = 0

  /** `bytes` is where the batch is built; it must begin at a multiple of 8. */
  constructor(bytes: Uint8Array, baseSeq: number, timeMs: number) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = viewOf(bytes)
    this.#baseSeq = baseSeq
    this.#timeMs = timeMs
  }

  get baseSeq(): number {
    return this.#baseSeq
  }

  get timeMs(): number {
    return this.#timeMs
  }

  get bytes(): Uint8Array {
    return this.#buffer
  }

  /** Bytes the batch would have if it ended now. */
  get size(): number {
    return batchBytes(align(this.#at, 8) + this.#dictionaryBytes - batchHeaderBytes)
  }

  /** Adds a record and counts the topic's offset on; returns false, having changed nothing, when there is no room. */
  add(topic: BatchTopic, encoding: Encoding, value: string | Uint8Array, extras?: RecordExtras): boolean {
    const isNew = topic.batch !== this.#mark
    const optional = extras === undefined ? 0 : extraBytes(extras)
    const room =
      this.#buffer.length -
      this.#at -
      this.#dictionaryBytes -
      (isNew ? entryBytes(topic) : 0) -
      recordHeaderBytes -
      optional -
      16
    let length = value.length
    if (typeof value === 'string') {
      // No character takes more than three bytes; only near the end is it worth counting.
      if (length * 3 > room && (length > room || Buffer.byteLength(value) > room)) return false
    } else if (length > room) {
      return false
    }
    if (isNew && !this.#enter(topic)) return false
    const start = this.#at
    let at = start + recordHeaderBytes
    let attributes = 0
    if (extras !== undefined) {
      attributes = attributesOf(extras)
      at = this.#writeExtras(extras, at)
    }
    if (typeof value === 'string') length = this.#buffer.write(value, at, 'utf8')
    else this.#buffer.set(value, at)
    const end = at + length
    this.#view.setUint32(start, end - start - recordHeaderBytes, true)
    this.#view.setUint32(start + 4, (topic.slot | (attributes << 16) | (encoding << 24)) >>> 0, true)
    this.#at = (end + 3) & ~3
    topic.next++
    this.count++
    return true
  }

  /** Writes the dictionary and the header but for what only the writer knows; returns the batch, padding included. */
  close(): Uint8Array {
    const dictionaryAt = align(this.#at, 8)
    this.#buffer.fill(0, this.#at, dictionaryAt)
    let at = dictionaryAt
    for (const [index, topic] of this.#topics.entries()) {
      const first = this.#firstOffsets[index] ?? 0
      this.#view.setUint16(at, topic.utf8.length, true)
      this.#view.setUint16(at + 2, 0, true)
      this.#view.setUint32(at + 4, topic.next - first, true)
      setU64(this.#view, at + 8, first)
      this.#buffer.set(topic.utf8, at + dictionaryEntryBytes)
      const end = at + dictionaryEntryBytes + topic.utf8.length
      at = align(end, 8)
      this.#buffer.fill(0, end, at)
    }
    describeBatch(this.#view, {
      bodyBytes: at - batchHeaderBytes,
      baseSeq: this.#baseSeq,
      recordCount: this.count,
      seqSpan: this.count,
      timeMs: this.#timeMs,
      flags: this.#flags,
      topicCount: this.#topics.length,
      dictionaryAt: dictionaryAt - batchHeaderBytes,
    })
    return this.#buffer.subarray(0, at)
  }

  #enter(topic: BatchTopic): boolean {
    if (this.#topics.length === maxTopics) return false
    topic.batch = this.#mark
    topic.slot = this.#topics.length
    this.#topics.push(topic)
    this.#firstOffsets.push(topic.next)
    this.#dictionaryBytes += entryBytes(topic)
    return true
  }

  #writeExtras(extras: RecordExtras, from: number): number {
    const [buffer, view] = [this.#buffer, this.#view]
    let at = from
    const short = (bytes: Uint8Array): void => {
      view.setUint16(at, bytes.length, true)
      buffer.set(bytes, at + 2)
      at += 2 + bytes.length
    }
    if (extras.key !== undefined) short(extras.key)
    if (extras.headers !== undefined) {
      view.setUint16(at, extras.headers.length, true)
      at += 2
      for (const [name, value] of extras.headers) {
        short(name)
        view.setUint32(at, value.length, true)
        buffer.set(value, at + 4)
        at += 4 + value.length
      }
    }
    if (extras.producer !== undefined) {
      this.#flags |= BatchFlag.producers
      short(extras.producer.id)
      setU64(view, at, extras.producer.sequence)
      at += 8
    }
    if (extras.id !== undefined) short(extras.id)
    return at
  }
}

/** A batch without records: a snapshot, a seal or a watermark. `trailer` bytes are left free at its end. */
export function controlBatch(
  flags: number,
  body: Uint8Array,
  baseSeq: number,
  timeMs: number,
  trailer = 0,
): Uint8Array {
  const bytes = new Uint8Array(batchBytes(align(body.length, 8) + trailer))
  bytes.set(body, batchHeaderBytes)
  describeBatch(viewOf(bytes), {
    bodyBytes: bytes.length - batchHeaderBytes,
    baseSeq,
    recordCount: 0,
    seqSpan: 0,
    timeMs,
    flags: flags | (body.length > 0 ? BatchFlag.control : BatchFlag.watermark),
    topicCount: 0,
    dictionaryAt: body.length,
  })
  return bytes
}

/** How many bytes a batch needs for one record of at most this size, for records larger than a usual batch. */
export function bytesForOne(topic: BatchTopic, valueBytes: number, extras: RecordExtras | undefined): number {
  const optional = extras === undefined ? 0 : extraBytes(extras)
  return batchHeaderBytes + recordHeaderBytes + optional + align(valueBytes, 8) + entryBytes(topic) + 64
}

function entryBytes(topic: BatchTopic): number {
  return align(dictionaryEntryBytes + topic.utf8.length, 8)
}

function extraBytes(extras: RecordExtras): number {
  let bytes = 0
  if (extras.key !== undefined) bytes += 2 + extras.key.length
  if (extras.headers !== undefined) {
    bytes += 2
    for (const [name, value] of extras.headers) bytes += 6 + name.length + value.length
  }
  if (extras.producer !== undefined) bytes += 10 + extras.producer.id.length
  if (extras.id !== undefined) bytes += 2 + extras.id.length
  return bytes
}

function attributesOf(extras: RecordExtras): number {
  return (
    (extras.key === undefined ? 0 : RecordAttribute.key) |
    (extras.headers === undefined ? 0 : RecordAttribute.headers) |
    (extras.tombstone === true ? RecordAttribute.tombstone : 0) |
    (extras.producer === undefined ? 0 : RecordAttribute.producer) |
    (extras.id === undefined ? 0 : RecordAttribute.id)
  )
}
