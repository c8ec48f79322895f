import { type BatchHeader, isControl } from './batch-header.ts'
import {
  align,
  BatchFlag,
  batchHeaderBytes,
  type Encoding,
  getU64,
  knownRecordAttributes,
  RecordAttribute,
  recordHeaderBytes,
} from './layout.ts'

/** One topic of a batch. */
export interface DictionaryEntry {
  readonly name: string
  readonly count: number
  readonly firstOffset: number
}

/** The dictionary of the batch at `at`, or what is wrong with it. */
export function readDictionary(
  buffer: Buffer,
  view: DataView,
  at: number,
  header: BatchHeader,
): readonly DictionaryEntry[] | string {
  const body = at + batchHeaderBytes
  const end = body + header.bodyBytes
  let next = body + header.dictionaryAt
  const entries: DictionaryEntry[] = []
  for (let index = 0; index < header.topicCount; index++) {
    if (next + 16 > end) return 'the dictionary runs past the end of the batch'
    const length = view.getUint16(next, true)
    if (next + 16 + length > end) return 'a name in the dictionary runs past the end of the batch'
    entries.push({
      name: buffer.toString('utf8', next + 16, next + 16 + length),
      count: view.getUint32(next + 4, true),
      firstOffset: getU64(view, next + 8),
    })
    next = align(next + 16 + length - body, 8) + body
  }
  return entries
}

/**
 * Walks the records of one batch without copying: its fields describe the record that `advance` came to, as positions
 * in `buffer`. They are valid as long as the buffer is. One cursor serves many batches.
 */
export class RecordCursor {
  buffer: Buffer = Buffer.alloc(0)
  view: DataView = new DataView(new ArrayBuffer(0))
  entries: readonly DictionaryEntry[] = []
  timeMs = 0
  seq = 0
  offset = 0
  topicIndex = 0
  attributes = 0
  encoding: Encoding = 0
  /** Where the optional parts begin. */
  partsAt = 0
  valueAt = 0
  valueEnd = 0
  /** What is wrong with the batch, once `advance` has come upon it. */
  damage: string | undefined
  #next = 0
  #end = 0
  #left = 0
  #baseSeq = 0
  #nextSeq = 0
  #compacted = false
  #offsets: number[] = []

  /** Starts at the batch at `at`, whose checksums have been verified. */
  open(buffer: Buffer, view: DataView, at: number, header: BatchHeader): void {
    this.buffer = buffer
    this.view = view
    this.timeMs = header.timeMs
    this.damage = undefined
    this.#left = isControl(header) ? 0 : header.recordCount
    this.#next = at + batchHeaderBytes
    this.#end = this.#next + header.dictionaryAt
    this.#baseSeq = header.baseSeq
    this.#nextSeq = header.baseSeq
    this.#compacted = (header.flags & BatchFlag.compacted) !== 0
    const entries = readDictionary(buffer, view, at, header)
    if (typeof entries === 'string') this.#fail(entries)
    else {
      this.entries = entries
      this.#offsets = entries.map((entry) => entry.firstOffset)
    }
  }

  /** Moves to the next record; false at the end of the batch or at damage. */
  advance(): boolean {
    if (this.#left === 0) return false
    const { view } = this
    const start = this.#next
    if (start + recordHeaderBytes > this.#end) return this.#fail('a record runs past the end of its batch')
    const end = start + recordHeaderBytes + view.getUint32(start, true)
    if (end > this.#end) return this.#fail('a record runs past the end of its batch')
    const word = view.getUint32(start + 4, true)
    const index = word & 0xffff
    const offset = this.#offsets[index]
    if (offset === undefined) return this.#fail(`a record names topic ${index}, which its batch has not`)
    this.topicIndex = index
    this.attributes = (word >>> 16) & 0xff
    this.encoding = (word >>> 24) as Encoding
    this.partsAt = start + recordHeaderBytes
    this.valueAt = this.partsAt
    this.valueEnd = end
    this.seq = this.#nextSeq++
    this.offset = offset
    this.#offsets[index] = offset + 1
    if (this.attributes !== 0 && !this.#skipParts(index)) return false
    this.#next = (end + 3) & ~3
    this.#left--
    return true
  }

  /** Where the records end. */
  get end(): number {
    return this.#end
  }

  get topic(): string {
    return this.entries[this.topicIndex]?.name ?? ''
  }

  #fail(damage: string): false {
    this.damage = damage
    this.#left = 0
    return false
  }

  #skipParts(index: number): boolean {
    const { attributes, view } = this
    const end = this.valueEnd
    if ((attributes & ~knownRecordAttributes) !== 0)
      return this.#fail(`unknown record attributes ${attributes}`)
    let at = this.partsAt
    const short = (): boolean => {
      if (at + 2 > end) return false
      at += 2 + view.getUint16(at, true)
      return at <= end
    }
    let fits = true
    if ((attributes & RecordAttribute.key) !== 0) fits &&= short()
    if (fits && (attributes & RecordAttribute.headers) !== 0) {
      fits = at + 2 <= end
      const count = fits ? view.getUint16(at, true) : 0
      at += 2
      for (let n = 0; n < count && fits; n++) {
        fits = short() && at + 4 <= end
        if (fits) at += 4 + view.getUint32(at, true)
        fits &&= at <= end
      }
    }
    if (fits && (attributes & RecordAttribute.producer) !== 0) {
      fits = short()
      at += 8
    }
    if (fits && (attributes & RecordAttribute.id) !== 0) fits = short()
    if (fits && (attributes & RecordAttribute.deltas) !== 0) {
      fits = at + 8 <= end
      if (fits) this.#takeDeltas(index, at)
      at += 8
    }
    if (!fits || at > end) return this.#fail('the parts of a record run past its end')
    this.valueAt = at
    return true
  }

  #takeDeltas(index: number, at: number): void {
    if (!this.#compacted) return
    this.seq = this.#baseSeq + this.view.getUint32(at, true)
    this.offset = (this.entries[index]?.firstOffset ?? 0) + this.view.getUint32(at + 4, true)
  }
}

/** The optional parts of the record a cursor stands at, decoded. */
export interface RecordParts {
  key?: string
  tombstone?: boolean
  headers?: Readonly<Record<string, string>>
  producer?: { readonly id: string; readonly sequence: number }
  id?: string
}

/** Decodes the optional parts of the record that `cursor` stands at. */
export function readParts(cursor: RecordCursor): RecordParts {
  const { attributes, buffer, view } = cursor
  const parts: RecordParts = {}
  let at = cursor.partsAt
  const short = (): string => {
    const length = view.getUint16(at, true)
    at += 2 + length
    return buffer.toString('utf8', at - length, at)
  }
  if ((attributes & RecordAttribute.key) !== 0) parts.key = short()
  if ((attributes & RecordAttribute.tombstone) !== 0) parts.tombstone = true
  if ((attributes & RecordAttribute.headers) !== 0) {
    const entries: [string, string][] = []
    const count = view.getUint16(at, true)
    at += 2
    for (let n = 0; n < count; n++) {
      const name = short()
      const length = view.getUint32(at, true)
      at += 4 + length
      entries.push([name, buffer.toString('utf8', at - length, at)])
    }
    parts.headers = Object.freeze(Object.fromEntries(entries))
  }
  if ((attributes & RecordAttribute.producer) !== 0) {
    parts.producer = { id: short(), sequence: getU64(view, at) }
    at += 8
  }
  if ((attributes & RecordAttribute.id) !== 0) parts.id = short()
  return parts
}
