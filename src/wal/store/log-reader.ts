import { crc32 } from 'node:zlib'
import { LogCorruptError } from '../errors.ts'
import { type BatchHeader, batchBytes, decodeBatchHeader } from '../format/batch-header.ts'
import { RecordCursor } from '../format/batch-reader.ts'
import { BatchFlag, batchHeaderBytes, segmentHeaderBytes, viewOf } from '../format/layout.ts'
import type { Batch } from '../commit/batch.ts'
import { segmentName } from '../segment/names.ts'
import type { SegmentFiles } from './segment-files.ts'

/** What a reader must know of the log that is being written. */
export interface ReadableLog {
  /** Records below it may be read. */
  readonly visible: number
  readonly startSeq: number
  readonly files: SegmentFiles
  /** The newest batches, which are in memory. */
  recent(seq: number): Batch | undefined
}

const leastRead = 64 * 1024
const mostRead = 1024 * 1024

/**
 * Reads the batches of a log one after the other, from memory where they are new and else from files, with read-ahead
 * that grows while it reads on. Every byte from a file is checked. `next` leaves `cursor` at the start of the batch.
 */
export class LogReader {
  readonly cursor: RecordCursor = new RecordCursor()
  readonly #log: ReadableLog
  /** The sequence number that the next batch begins with or holds. */
  #seq: number
  #segment = -1
  #position = 0
  #window: Buffer = Buffer.alloc(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #windowAt = 0
  #windowBytes = 0
  /** What was visible when the window was read: behind that the file may have changed since. */
  #windowSeq = 0
  #readAhead = leastRead
  /** The batch `cursor` is open on stays as it is until `next` is called again; else it may be overwritten at any time. */
  stable = false
  /** Memory for the window; it grows to what is needed. */
  #memory: Buffer = Buffer.alloc(0)

  constructor(log: ReadableLog, seq: number) {
    this.#log = log
    this.#seq = seq
  }

  /** Everything before it has been read or passed over. */
  get seq(): number {
    return this.#seq
  }

  seek(seq: number): void {
    this.#seq = seq
    this.#segment = -1
    this.#readAhead = leastRead
  }

  /**
   * Moves to the batch that holds the next record and opens `cursor` on it; returns its header, or undefined when
   * nothing more is visible. Records of it below the position asked for must be passed over by the caller.
   * Synchronous when the batch is at hand.
   */
  next(): BatchHeader | undefined | Promise<BatchHeader | undefined> {
    if (this.#seq >= this.#log.visible) return undefined
    const recent = this.#log.recent(this.#seq)
    if (recent !== undefined) return this.#fromMemory(recent)
    return this.#fromFile()
  }

  #fromMemory(batch: Batch): BatchHeader {
    const { bytes } = batch
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const view = viewOf(bytes)
    const header: BatchHeader = {
      bodyBytes: view.getUint32(8, true),
      bodyCrc: 0,
      baseSeq: batch.baseSeq,
      recordCount: batch.count,
      seqSpan: batch.count,
      timeMs: batch.timeMs,
      previousCrc: 0,
      durableBack: 0,
      flags: view.getUint16(48, true),
      topicCount: view.getUint16(50, true),
      dictionaryAt: view.getUint32(52, true),
      crc: 0,
    }
    this.stable = false
    this.cursor.open(buffer, view, 0, header)
    this.#seq = batch.nextSeq
    this.#segment = batch.segment
    this.#position = batch.position + bytes.length
    return header
  }

  async #fromFile(): Promise<BatchHeader | undefined> {
    if (this.#segment < 0) this.#locate()
    if (this.#seq >= this.#windowSeq) this.#windowBytes = 0
    for (;;) {
      const { salt } = this.#log.files.segment(this.#segment)
      if (!(await this.#hold(batchHeaderBytes))) this.#damaged('the segment ends too early')
      const at = this.#position - this.#windowAt
      const decoded = decodeBatchHeader(this.#window, this.#view, at, salt)
      if (!('header' in decoded)) return this.#damaged('damage' in decoded ? decoded.damage : decoded.newer)
      const { header } = decoded
      const total = batchBytes(header.bodyBytes)
      if (!(await this.#hold(total))) return this.#damaged('the segment ends inside a batch')
      const start = this.#position - this.#windowAt
      const body = this.#window.subarray(
        start + batchHeaderBytes,
        start + batchHeaderBytes + header.bodyBytes,
      )
      if (crc32(body, salt) !== header.bodyCrc) return this.#damaged('the checksum of a batch does not match')
      this.#position += total
      if ((header.flags & BatchFlag.seal) !== 0) {
        this.#segment = header.baseSeq
        this.#position = segmentHeaderBytes
        this.#windowBytes = 0
        continue
      }
      const next = header.baseSeq + header.seqSpan
      if (header.recordCount === 0 || next <= this.#seq) continue
      if (header.baseSeq > this.#seq && (header.flags & BatchFlag.compacted) === 0)
        return this.#damaged(`records ${this.#seq} to ${header.baseSeq - 1} are missing`)
      this.stable = true
      this.cursor.open(this.#window, this.#view, start, header)
      if (this.cursor.damage !== undefined) return this.#damaged(this.cursor.damage)
      this.#seq = next
      return header
    }
  }

  #locate(): void {
    const place = this.#log.files.locate(this.#seq)
    this.#segment = place.segment
    this.#position = place.position
    this.#windowBytes = 0
  }

  /** Makes `length` bytes at the position readable; false when the file ends before. */
  async #hold(length: number): Promise<boolean> {
    const from = this.#position
    const behind = from + length <= this.#windowAt + this.#windowBytes
    if (this.#windowBytes > 0 && from >= this.#windowAt && behind) return true
    const wanted = Math.max(length, this.#readAhead)
    this.#readAhead = Math.min(mostRead, this.#readAhead * 2)
    // What is there already need not be read again: a batch is often longer than the first look at it.
    const kept = from >= this.#windowAt ? Math.max(0, this.#windowAt + this.#windowBytes - from) : 0
    const held = this.#window.subarray(from - this.#windowAt, from - this.#windowAt + kept)
    if (this.#memory.length < wanted)
      this.#memory = Buffer.allocUnsafeSlow(Math.max(wanted, Math.min(mostRead, wanted * 2)))
    this.#memory.set(held)
    this.#window = this.#memory
    this.#view = viewOf(this.#memory)
    this.#windowAt = from
    this.#windowBytes = kept
    this.#windowSeq = kept === 0 ? this.#log.visible : Math.min(this.#windowSeq, this.#log.visible)
    while (this.#windowBytes < length) {
      const done = this.#windowBytes
      const read = await this.#log.files.read(
        this.#segment,
        this.#memory,
        done,
        this.#memory.length - done,
        from + done,
      )
      if (read === 0) return false
      this.#windowBytes += read
    }
    return true
  }

  /** The error for damage at the place it has come to. */
  damage(what: string): LogCorruptError {
    return new LogCorruptError(segmentName(this.#segment), this.#position, this.#seq, what)
  }

  #damaged(what: string): never {
    throw this.damage(what)
  }
}
