import { CommitQueue } from '../../src/wal/commit/commit-queue.ts'
import type { Waiter } from '../../src/wal/commit/batch.ts'
import { InlineEngine } from '../../src/wal/commit/inline-engine.ts'
import { RecordCursor } from '../../src/wal/format/batch-reader.ts'
import { BatchFlag, Encoding, segmentHeaderBytes } from '../../src/wal/format/layout.ts'
import { LogCorruptError } from '../../src/wal/errors.ts'
import type { FileSystem } from '../../src/wal/fs/file-system.ts'
import { readSegmentHeader, segmentBases, writeManifest } from '../../src/wal/recovery/directory.ts'
import { type OpenedLog, openLog } from '../../src/wal/recovery/open-log.ts'
import { segmentName } from '../../src/wal/segment/names.ts'
import { BatchScan } from '../../src/wal/segment/scan.ts'
import { SegmentWriter } from '../../src/wal/segment/segment-writer.ts'

/** A record as a test sees it. */
export interface Found {
  readonly seq: number
  readonly topic: string
  readonly offset: number
  readonly text: string
}

/** A log on any file system without promises: what a test appends is committed when it says so. */
export class SimLog {
  readonly fs: FileSystem
  readonly dir: string
  readonly opened: OpenedLog
  readonly queue: CommitQueue
  readonly #writer: SegmentWriter

  constructor(fs: FileSystem, dir: string, segmentBytes: number, zeroAhead = 0) {
    this.fs = fs
    this.dir = dir
    this.opened = openLog(fs, dir, 1000)
    const { sealed, start, state } = this.opened
    this.#writer = new SegmentWriter(fs, dir, start, zeroAhead)
    this.queue = new CommitQueue(state, start, sealed, (done) => new InlineEngine(this.#writer, done), {
      segmentBytes,
      maxRecordBytes: 1 << 20,
      highWaterMark: 1 << 24,
      arenaBytes: 1 << 16,
      now: () => 1000,
      later: () => undefined,
      visible: () => undefined,
      sealed: () => undefined,
    })
  }

  append(topic: string, text: string, sync: boolean, waiter: Waiter): number {
    const { state } = this.opened
    const seq = state.nextSeq
    this.queue.append(state.topic(topic), Encoding.text, text, undefined, sync, waiter)
    return seq
  }

  commit(): void {
    this.queue.commit(true)
  }

  prepare(): void {
    this.#writer.prepare()
  }

  /** As `Log.close`, up to the manifest. */
  close(): void {
    const segment = segmentName(this.queue.activeBase)
    let stored = false
    const at = this.queue.writeSnapshot({ stored: () => (stored = true), failed: () => undefined })
    this.#writer.trim()
    this.#writer.close()
    if (stored) writeManifest(this.fs, this.dir, { ...this.opened.manifest, closed: { segment, at } })
  }

  release(): void {
    this.#writer.close()
  }
}

/** Every record of the log in `dir`, which must be whole. */
export function readAll(fs: FileSystem, dir: string): readonly Found[] {
  const found: Found[] = []
  const cursor = new RecordCursor()
  const bases = segmentBases(fs, dir)
  for (const base of bases) {
    const name = segmentName(base)
    const file = fs.open(`${dir}/${name}`, 'read')
    const scan = new BatchScan(file, readSegmentHeader(file, name).salt, segmentHeaderBytes, 0, base)
    let sealed = false
    for (let batch = scan.next(); batch !== undefined; batch = scan.next()) {
      sealed = (batch.header.flags & BatchFlag.seal) !== 0
      cursor.open(batch.buffer, batch.view, batch.at, batch.header)
      while (cursor.advance()) {
        const text = cursor.buffer.toString('utf8', cursor.valueAt, cursor.valueEnd)
        found.push({ seq: cursor.seq, topic: cursor.topic, offset: cursor.offset, text })
      }
      if (cursor.damage !== undefined) throw new Error(cursor.damage)
    }
    file.close()
    // Only the last segment may end in something else than its seal: zeros written ahead.
    const { position, what } = scan.end ?? { position: 0, what: 'no end' }
    if (base !== bases.at(-1) && !sealed) throw new LogCorruptError(name, position, scan.nextSeq, what)
  }
  return found
}
