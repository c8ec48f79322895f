import { batchBytes, type BatchHeader, describeBatch } from '../format/batch-header.ts'
import type { RecordCursor } from '../format/batch-reader.ts'
import {
  align,
  BatchFlag,
  batchHeaderBytes,
  RecordAttribute,
  recordHeaderBytes,
  setU64,
  viewOf,
} from '../format/layout.ts'

const deltasBytes = 8
const dictionaryEntryBytes = 16

interface Kept {
  /** Where the record's optional parts, its deltas and its value stand in the source. */
  readonly partsAt: number
  readonly partsEnd: number
  readonly valueAt: number
  readonly valueEnd: number
  readonly topicIndex: number
  readonly attributes: number
  readonly encoding: number
  readonly seq: number
  readonly offset: number
}

/**
 * What is left of a batch. It covers the sequence numbers of the batch it was made of and of those before it of which
 * nothing was left, so that the numbers of a segment stay without gaps; each record carries its own.
 */
export class CompactedBatch {
  readonly #kept: Kept[] = []
  #recordBytes = 0

  get count(): number {
    return this.#kept.length
  }

  /** Keeps the record that `cursor` stands at. */
  keep(cursor: RecordCursor): void {
    const { attributes, encoding, offset, partsAt, seq, topicIndex, valueAt, valueEnd } = cursor
    const partsEnd = valueAt - ((attributes & RecordAttribute.deltas) === 0 ? 0 : deltasBytes)
    this.#kept.push({ partsAt, partsEnd, valueAt, valueEnd, topicIndex, attributes, encoding, seq, offset })
    const bytes = recordHeaderBytes + (partsEnd - partsAt) + deltasBytes + (valueEnd - valueAt)
    this.#recordBytes = align(this.#recordBytes + bytes, 4)
  }

  /** The batch, without what only the writer knows. `cursor` still stands in the source; `baseSeq` is where it begins. */
  close(cursor: RecordCursor, header: BatchHeader, baseSeq: number): Uint8Array {
    const entries = [...new Set(this.#kept.map(({ topicIndex }) => topicIndex))].map((index) => {
      const name = Buffer.from(cursor.entries[index]?.name ?? '')
      const mine = this.#kept.filter((kept) => kept.topicIndex === index)
      return { index, name, first: mine[0]?.offset ?? 0, count: mine.length }
    })
    const dictionary = entries.reduce(
      (sum, { name }) => sum + align(dictionaryEntryBytes + name.length, 8),
      0,
    )
    const dictionaryAt = align(this.#recordBytes, 8)
    const bytes = Buffer.alloc(batchBytes(dictionaryAt + dictionary))
    const view = viewOf(bytes)
    const slots = new Map(entries.map(({ index, first }, slot) => [index, { slot, first }]))
    let at = batchHeaderBytes
    for (const kept of this.#kept) {
      const { slot = 0, first = 0 } = slots.get(kept.topicIndex) ?? {}
      at = writeRecord(bytes, view, at, cursor.buffer, kept, slot, kept.seq - baseSeq, kept.offset - first)
    }
    at = batchHeaderBytes + dictionaryAt
    for (const { count, first, name } of entries) {
      view.setUint16(at, name.length, true)
      view.setUint32(at + 4, count, true)
      setU64(view, at + 8, first)
      bytes.set(name, at + dictionaryEntryBytes)
      at += align(dictionaryEntryBytes + name.length, 8)
    }
    describeBatch(view, {
      bodyBytes: dictionaryAt + dictionary,
      baseSeq,
      recordCount: this.#kept.length,
      seqSpan: header.baseSeq + header.seqSpan - baseSeq,
      timeMs: header.timeMs,
      flags: header.flags | BatchFlag.compacted,
      topicCount: entries.length,
      dictionaryAt,
    })
    return bytes
  }
}

function writeRecord(
  bytes: Buffer,
  view: DataView,
  start: number,
  source: Buffer,
  kept: Kept,
  slot: number,
  seqDelta: number,
  offsetDelta: number,
): number {
  let at = start + recordHeaderBytes
  at += source.copy(bytes, at, kept.partsAt, kept.partsEnd)
  view.setUint32(at, seqDelta, true)
  view.setUint32(at + 4, offsetDelta, true)
  at += deltasBytes
  at += source.copy(bytes, at, kept.valueAt, kept.valueEnd)
  const attributes = kept.attributes | RecordAttribute.deltas
  view.setUint32(start, at - start - recordHeaderBytes, true)
  view.setUint32(start + 4, (slot | (attributes << 16) | (kept.encoding << 24)) >>> 0, true)
  return batchHeaderBytes + align(at - batchHeaderBytes, 4)
}

/** A batch without records that stands for sequence numbers of which nothing is left. */
export function emptyBatch(baseSeq: number, seqSpan: number, timeMs: number): Uint8Array {
  const bytes = new Uint8Array(batchHeaderBytes)
  describeBatch(viewOf(bytes), {
    ...{ bodyBytes: 0, baseSeq, recordCount: 0, seqSpan, timeMs },
    ...{ flags: BatchFlag.compacted, topicCount: 0, dictionaryAt: 0 },
  })
  return bytes
}
