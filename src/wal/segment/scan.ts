import { crc32 } from 'node:zlib'
import { type BatchHeader, batchBytes, decodeBatchHeader } from '../format/batch-header.ts'
import { batchAlignment, batchHeaderBytes, batchMagic, viewOf } from '../format/layout.ts'
import type { File } from '../fs/file-system.ts'
import { readFully } from './files.ts'

/** A batch that has been read and whose checksums match; the bytes are valid until the next one is asked for. */
export interface ScannedBatch {
  readonly header: BatchHeader
  /** Where it begins in the file. */
  readonly position: number
  /** Where it begins in `buffer`. */
  readonly at: number
  readonly buffer: Buffer
  readonly view: DataView
}

/** Why a scan stopped. */
export interface ScanEnd {
  readonly position: number
  readonly reason: 'end' | 'damage' | 'newer'
  readonly what: string
}

const chunkBytes = 1 << 20

/** A window of a file that moves forward. */
export class FileWindow {
  readonly #file: File
  buffer: Buffer
  view: DataView
  /** Where the window begins in the file, and how much of it is there. */
  start = 0
  length = 0
  readonly fileBytes: number

  constructor(file: File) {
    this.#file = file
    this.fileBytes = file.size()
    this.buffer = Buffer.alloc(Math.min(chunkBytes, Math.max(this.fileBytes, batchHeaderBytes)))
    this.view = viewOf(this.buffer)
  }

  /** Makes `length` bytes at `position` readable; false when the file ends before. Never allocates beyond the file. */
  hold(position: number, length: number): boolean {
    if (position + length > this.fileBytes) return false
    if (position >= this.start && position + length <= this.start + this.length) return true
    if (length > this.buffer.length) {
      this.buffer = Buffer.alloc(Math.max(length, Math.min(this.fileBytes, this.buffer.length * 2)))
      this.view = viewOf(this.buffer)
    }
    this.start = position
    this.length = readFully(this.#file, this.buffer, position, this.buffer.length)
    return this.length >= length
  }
}

/** Reads batches one behind the other from `position` and verifies each; stops at the first that is not whole. */
export class BatchScan {
  readonly window: FileWindow
  readonly #salt: number
  position: number
  /** The checksum of the header before, which the next batch must name; undefined when it is not known. */
  previousCrc: number | undefined
  /** The sequence number the next batch must begin with; undefined when it is not known. */
  nextSeq: number | undefined
  end: ScanEnd | undefined

  constructor(file: File, salt: number, position: number, previousCrc?: number, nextSeq?: number) {
    this.window = new FileWindow(file)
    this.#salt = salt
    this.position = position
    this.previousCrc = previousCrc
    this.nextSeq = nextSeq
  }

  next(): ScannedBatch | undefined {
    if (this.end !== undefined) return undefined
    const { position, window } = this
    if (position === window.fileBytes) return this.#stop('end', 'the file ends here')
    if (!window.hold(position, batchHeaderBytes))
      return this.#stop('damage', 'the file ends inside a batch header')
    const decoded = decodeBatchHeader(window.buffer, window.view, position - window.start, this.#salt)
    if ('newer' in decoded) return this.#stop('newer', decoded.newer)
    if ('damage' in decoded) return this.#stop('damage', decoded.damage)
    const { header } = decoded
    if (this.previousCrc !== undefined && header.previousCrc !== this.previousCrc)
      return this.#stop('damage', 'the batch does not follow the one before it')
    if (this.nextSeq !== undefined && header.baseSeq !== this.nextSeq)
      return this.#stop('damage', `the batch begins with ${header.baseSeq}, not with ${this.nextSeq}`)
    const total = batchBytes(header.bodyBytes)
    if (!window.hold(position, total)) return this.#stop('damage', 'the file ends inside a batch')
    const at = position - window.start
    const body = window.buffer.subarray(at + batchHeaderBytes, at + batchHeaderBytes + header.bodyBytes)
    if (crc32(body, this.#salt) !== header.bodyCrc)
      return this.#stop('damage', 'the checksum of a batch does not match')
    this.position = position + total
    this.previousCrc = header.crc
    this.nextSeq = header.baseSeq + header.seqSpan
    return { header, position, at, buffer: window.buffer, view: window.view }
  }

  #stop(reason: ScanEnd['reason'], what: string): undefined {
    this.end = { position: this.position, reason, what }
    return undefined
  }
}

const magic = Buffer.alloc(4)
magic.writeUInt32LE(batchMagic)

/** Every batch header at or behind `from` whose checksum matches, wherever it stands: what damage left over. */
export function* headersBehind(
  file: File,
  salt: number,
  from: number,
): Generator<{ header: BatchHeader; position: number }> {
  const window = new FileWindow(file)
  let position = from
  while (position + batchHeaderBytes <= window.fileBytes) {
    window.hold(position, batchHeaderBytes)
    const found = window.buffer.subarray(0, window.length).indexOf(magic, position - window.start)
    if (found < 0 || found + batchHeaderBytes > window.length) {
      const next = Math.max(position + batchAlignment, window.start + window.length - batchHeaderBytes)
      if (found < 0 && window.start + window.length === window.fileBytes) return
      position = found < 0 ? next : window.start + found
      if (found >= 0 && position + batchHeaderBytes > window.fileBytes) return
      continue
    }
    position = window.start + found
    const decoded = decodeBatchHeader(window.buffer, window.view, found, salt)
    if ('header' in decoded) yield { header: decoded.header, position }
    position += 4
  }
}

/** Where the last byte that is not zero ends, at or behind `from`; `from` when there is none. */
export function endOfContent(file: File, from: number): number {
  const bytes = file.size()
  const chunk = Buffer.alloc(Math.min(chunkBytes, Math.max(0, bytes - from)))
  const zeros = Buffer.alloc(chunk.length)
  let end = from
  for (let position = from; position < bytes; position += chunk.length) {
    const read = readFully(file, chunk, position, Math.min(chunk.length, bytes - position))
    if (read === 0) break
    if (chunk.compare(zeros, 0, read, 0, read) === 0) continue
    for (let at = read - 1; at >= 0; at--) {
      if (chunk[at] !== 0) {
        end = position + at + 1
        break
      }
    }
  }
  return end
}
