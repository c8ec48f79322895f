import { LogNewerError } from '../errors.ts'
import { RecordCursor } from '../format/batch-reader.ts'
import { BatchFlag, segmentHeaderBytes } from '../format/layout.ts'
import { decodeSegmentHeader, type SegmentHeader } from '../format/segment-header.ts'
import type { File } from '../fs/file-system.ts'
import { snapshotIn } from '../recovery/seal.ts'
import { readFully } from '../segment/files.ts'
import { BatchScan, endOfContent, headersBehind, type ScannedBatch } from '../segment/scan.ts'

/** Bytes that are not what was written. */
export interface Damage {
  readonly file: string
  /** Where in the file it begins. */
  readonly position: number
  /** The first sequence number that cannot be read. */
  readonly fromSeq: number
  /** The first one behind it that can be read again; undefined when none is known. Equal to `fromSeq`: no record is hurt. */
  readonly toSeq: number | undefined
  readonly what: string
}

/** An end of the log that was being written when the process stopped. The next open cuts it off and keeps a copy. */
export interface UnfinishedEnd {
  readonly file: string
  readonly position: number
  readonly bytes: number
}

export type SegmentFinding =
  | { readonly kind: 'batch'; readonly file: string; readonly batch: ScannedBatch }
  | { readonly kind: 'damage'; readonly damage: Damage }
  | { readonly kind: 'unfinished'; readonly end: UnfinishedEnd }

/** What a segment must be, by everything around it. */
export interface ExpectedSegment {
  readonly name: string
  readonly baseSeq: number
  /** The first number of the next segment; undefined for the last one. */
  readonly nextBase: number | undefined
  /** Undefined when it is not known, because MANIFEST is damaged. */
  readonly logId: string | undefined
  /** How long the segment before is; undefined when that is not known, or when there is none. */
  readonly previousBytes: number | undefined
}

/** Walks one segment, checks every byte, and goes on behind damage wherever a whole batch begins again. */
export class SegmentWalk {
  readonly #file: File
  readonly #expected: ExpectedSegment
  readonly #cursor = new RecordCursor()
  header: SegmentHeader | undefined
  /** The number the next record gets, as far as it could be read. */
  nextSeq: number
  sealed = false
  damaged = false
  /** Everything before it was durable when the last readable batch was written. */
  #durable = segmentHeaderBytes

  constructor(file: File, expected: ExpectedSegment) {
    this.#file = file
    this.#expected = expected
    this.nextSeq = expected.baseSeq
  }

  *findings(): Generator<SegmentFinding, void> {
    const { baseSeq, name, nextBase } = this.#expected
    const header = this.#readHeader()
    if (typeof header === 'string') {
      yield this.#damage(0, baseSeq, nextBase, header)
      return
    }
    this.header = header
    let scan = new BatchScan(this.#file, header.salt, segmentHeaderBytes, 0, baseSeq)
    for (;;) {
      const batch = scan.next()
      if (batch === undefined) {
        const next = yield* this.#atEnd(scan)
        if (next === undefined) return
        scan = next
        continue
      }
      const damage = this.#check(batch)
      this.nextSeq = batch.header.baseSeq + batch.header.seqSpan
      this.#durable = Math.max(this.#durable, batch.position - batch.header.durableBack)
      if (damage === undefined) yield { kind: 'batch', file: name, batch }
      else yield this.#damage(batch.position, batch.header.baseSeq, this.nextSeq, damage)
      if ((batch.header.flags & BatchFlag.seal) === 0) continue
      this.sealed = true
      if (scan.position < this.#file.size())
        yield this.#damage(scan.position, this.nextSeq, this.nextSeq, 'there are bytes behind the seal')
      return
    }
  }

  #readHeader(): SegmentHeader | string {
    const { baseSeq, logId, name, previousBytes } = this.#expected
    const bytes = new Uint8Array(segmentHeaderBytes)
    const decoded = decodeSegmentHeader(bytes.subarray(0, readFully(this.#file, bytes, 0)))
    if ('newer' in decoded) throw new LogNewerError(name, `format ${decoded.newer}`)
    if ('damage' in decoded) return decoded.damage
    const { header } = decoded
    if (header.baseSeq !== baseSeq || (logId !== undefined && header.logId !== logId))
      return 'the segment belongs to another log or place'
    if (previousBytes !== undefined && header.previousBytes !== previousBytes)
      return `the segment before it had ${header.previousBytes} bytes and has ${previousBytes}`
    return header
  }

  /** What is wrong inside a batch whose checksums match. */
  #check(batch: ScannedBatch): string | undefined {
    const { header } = batch
    if ((header.flags & BatchFlag.control) !== 0)
      return snapshotIn(batch) === undefined ? 'a snapshot cannot be read' : undefined
    const cursor = this.#cursor
    cursor.open(batch.buffer, batch.view, batch.at, header)
    while (cursor.advance());
    return cursor.damage
  }

  /** The scan has stopped: says why, and returns one that goes on behind it, if there is anything. */
  *#atEnd(scan: BatchScan): Generator<SegmentFinding, BatchScan | undefined> {
    const { name, nextBase } = this.#expected
    const { end } = scan
    if (end === undefined) return undefined
    const { position } = end
    if (end.reason === 'newer') throw new LogNewerError(`${name} at byte ${position}`, end.what)
    if (end.reason === 'end') {
      if (nextBase !== undefined)
        yield this.#damage(position, this.nextSeq, nextBase, 'the seal at its end is missing')
      return undefined
    }
    const behind = this.#behind(scan)
    if (nextBase === undefined) {
      const again = new BatchScan(this.#file, this.#salt, position, scan.previousCrc, scan.nextSeq)
      // Somebody may be writing: what was not whole a moment ago is now.
      if (again.next() !== undefined)
        return new BatchScan(this.#file, this.#salt, position, scan.previousCrc, scan.nextSeq)
      if (position >= this.#durable) {
        const bytes = endOfContent(this.#file, position) - position
        if (bytes > 0) yield { kind: 'unfinished', end: { file: name, position, bytes } }
        return undefined
      }
    }
    const toSeq = behind?.nextSeq ?? nextBase
    yield this.#damage(position, this.nextSeq, toSeq, end.what)
    return behind
  }

  /** The first whole batch behind where `scan` stopped; learns on the way how far the log was durable. */
  #behind(scan: BatchScan): BatchScan | undefined {
    let found: BatchScan | undefined
    for (const { header, position } of headersBehind(this.#file, this.#salt, scan.position)) {
      this.#durable = Math.max(this.#durable, position - header.durableBack)
      if (found !== undefined || position === scan.position || header.baseSeq < this.nextSeq) continue
      const candidate = new BatchScan(this.#file, this.#salt, position, undefined, header.baseSeq)
      if (candidate.next() !== undefined)
        found = new BatchScan(this.#file, this.#salt, position, undefined, header.baseSeq)
    }
    return found
  }

  get #salt(): number {
    return this.header?.salt ?? 0
  }

  #damage(position: number, fromSeq: number, toSeq: number | undefined, what: string): SegmentFinding {
    this.damaged = true
    return { kind: 'damage', damage: { file: this.#expected.name, position, fromSeq, toSeq, what } }
  }
}
