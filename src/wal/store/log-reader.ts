import { crc32 } from 'node:zlib'
import { LogCorruptError } from '../errors.ts'
import { type BatchHeader, batchBytes, decodeBatchHeader } from '../format/batch-header.ts'
import { RecordCursor } from '../format/batch-reader.ts'
import { BatchFlag, batchHeaderBytes, segmentHeaderBytes, viewOf } from '../format/layout.ts'
import type { Batch } from '../commit/batch.ts'
import { segmentName } from '../segment/names.ts'
import { ReadWindow } from './read-window.ts'
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
  /** Of the file it reads: when it is another, the segment was rewritten, and the position is of no use. */
  #salt = 0
  #position = 0
  readonly #window: ReadWindow
  /** How many bytes at the position must be in the window to go on. */
  #needed = 0
  /** The batch `cursor` is open on stays as it is until `next` is called again; else it may be overwritten at any time. */
  stable = false

  constructor(log: ReadableLog, seq: number) {
    this.#log = log
    this.#seq = seq
    this.#window = new ReadWindow(log.files, () => log.visible)
  }

  /** Everything before it has been read or passed over. */
  get seq(): number {
    return this.#seq
  }

  /** Whether retention has removed the file it is in: it can read no more of it, and has to `seek`. */
  get isInRemoved(): boolean {
    return this.#segment >= 0 && this.#segment < this.#log.startSeq
  }

  seek(seq: number): void {
    this.#seq = seq
    this.#segment = -1
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
    if (this.#segment < 0) this.#locate()
    else {
      this.#window.follow(this.#segment) // it may have read from memory meanwhile
      this.#window.renew(this.#seq)
    }
    return this.#fromWindow() ?? this.#fromFile()
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
    this.#salt = batch.salt
    return header
  }

  async #fromFile(): Promise<BatchHeader> {
    for (;;) {
      const isThere = await this.#window.load(this.#position, this.#needed, this.#seq)
      if (this.#rewritten) {
        this.#locate()
        continue
      }
      if (!isThere) this.#damaged(`the segment ends where ${this.#needed} bytes are expected`)
      const header = this.#fromWindow()
      if (header !== undefined) return header
    }
  }

  /** Opens the next batch with records if it is in the window; else says in `#needed` what is not. */
  #fromWindow(): BatchHeader | undefined {
    const window = this.#window
    const salt = this.#salt
    for (;;) {
      this.#needed = batchHeaderBytes
      if (!window.has(this.#position, this.#needed)) return undefined
      const { memory, view } = window
      const at = window.at(this.#position)
      const decoded = decodeBatchHeader(memory, view, at, salt)
      if (!('header' in decoded)) return this.#damaged('damage' in decoded ? decoded.damage : decoded.newer)
      const { header } = decoded
      this.#needed = batchBytes(header.bodyBytes)
      if (!window.has(this.#position, this.#needed)) return undefined
      const from = at + batchHeaderBytes
      if (crc32(memory.subarray(from, from + header.bodyBytes), salt) !== header.bodyCrc)
        return this.#damaged('the checksum of a batch does not match')
      this.#position += this.#needed
      if ((header.flags & BatchFlag.seal) !== 0) {
        this.#segment = header.baseSeq
        this.#position = segmentHeaderBytes
        this.#salt = this.#log.files.segment(this.#segment).salt
        window.follow(this.#segment)
        this.#needed = batchHeaderBytes
        return undefined
      }
      const next = header.baseSeq + header.seqSpan
      if (header.recordCount === 0 || next <= this.#seq) {
        // Compaction may have left nothing of these numbers.
        if (header.baseSeq <= this.#seq) this.#seq = Math.max(this.#seq, next)
        continue
      }
      if (header.baseSeq > this.#seq && (header.flags & BatchFlag.compacted) === 0)
        return this.#damaged(`records ${this.#seq} to ${header.baseSeq - 1} are missing`)
      this.stable = true
      this.cursor.open(memory, view, at, header)
      if (this.cursor.damage !== undefined) return this.#damaged(this.cursor.damage)
      this.#seq = next
      return header
    }
  }

  /** Finds the batch by the index. A reader that begins here is waited for, so the first read is at once. */
  #locate(): void {
    const place = this.#log.files.locate(this.#seq)
    this.#segment = place.segment
    this.#position = place.position
    this.#salt = this.#log.files.segment(place.segment).salt
    this.#window.move(place.segment)
    this.#window.loadNow(place.position, batchHeaderBytes)
  }

  get #rewritten(): boolean {
    return this.#log.files.segment(this.#segment).salt !== this.#salt
  }

  /** The error for damage at the place it has come to. */
  damage(what: string): LogCorruptError {
    return new LogCorruptError(segmentName(this.#segment), this.#position, this.#seq, what)
  }

  #damaged(what: string): never {
    throw this.damage(what)
  }
}
