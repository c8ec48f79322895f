import type { RecoveryReport, TornTail } from '../contract.ts'
import { LogCorruptError, LogNewerError } from '../errors.ts'
import { BatchFlag, segmentHeaderBytes } from '../format/layout.ts'
import type { Manifest } from '../format/manifest.ts'
import type { SegmentHeader } from '../format/segment-header.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { createDurably, readFully, writeAll } from '../segment/files.ts'
import { BatchScan, endOfContent, headersBehind } from '../segment/scan.ts'
import type { WriterStart } from '../segment/segment-writer.ts'
import type { LogState } from './log-state.ts'
import { snapshotIn } from './seal.ts'

interface Tail {
  readonly fs: FileSystem
  readonly dir: string
  readonly name: string
  readonly file: File
  readonly header: SegmentHeader
  readonly state: LogState
  readonly closed: Manifest['closed']
}

export interface RecoveredTail {
  readonly start: WriterStart
  readonly report: RecoveryReport
  /** Its length, when the segment turned out to be sealed. */
  readonly sealedBytes: number | undefined
}

/**
 * Finds the end of the active segment and makes it durable.
 *
 * The first batch that is not whole, at P, is either a write that a crash interrupted or damage to what was durable.
 * Every batch says how far the log was durable when it was written; W is the highest such position in any batch
 * header that can still be read, before P or behind it. P < W: durable bytes are damaged, so refuse. P ≥ W: nobody
 * was told that anything at or behind P is durable, so it is cut, and kept in a file beside the log.
 */
export function recoverTail(tail: Tail): RecoveredTail {
  const { file, header, name, state, closed } = tail
  const scan = new BatchScan(file, header.salt, segmentHeaderBytes, 0, header.baseSeq)
  if (closed?.segment === name && closed.at >= segmentHeaderBytes) {
    const clean = fromCloseOn(tail, scan, closed.at)
    if (clean !== undefined) return clean
  }
  const from = scan.position
  let durable = scan.position
  let records = 0
  let sealed = false
  for (let batch = scan.next(); batch !== undefined; batch = scan.next()) {
    const damage = state.apply(batch)
    if (damage !== undefined) throw new LogCorruptError(name, batch.position, batch.header.baseSeq, damage)
    durable = Math.max(durable, batch.position - batch.header.durableBack)
    records += batch.header.recordCount
    if ((batch.header.flags & BatchFlag.seal) !== 0) {
      sealed = true
      break
    }
  }
  const position = scan.position
  const torn = sealed ? undefined : judge(tail, scan, durable)
  makeDurable(tail, durable, position)
  const start = { header, position, previousCrc: scan.previousCrc ?? 0 }
  const scannedBytes = position - from
  const report = { created: false, clean: false, scannedBytes, recordsFound: records, torn }
  return { start, report, sealedBytes: sealed ? position : undefined }
}

/** Takes the state of a clean close; the rest of the scan begins behind it. Returns the result if there is no rest. */
function fromCloseOn(tail: Tail, scan: BatchScan, at: number): RecoveredTail | undefined {
  const { file, header, name, state } = tail
  const closing = new BatchScan(file, header.salt, at)
  const batch = closing.next()
  const snapshot = batch === undefined ? undefined : snapshotIn(batch)
  // Its close was synced before the manifest named it, so it must be there.
  if (snapshot === undefined)
    throw new LogCorruptError(
      name,
      at,
      undefined,
      'the snapshot written at its last close is missing or damaged',
    )
  state.restore(snapshot)
  scan.position = closing.position
  scan.previousCrc = closing.previousCrc
  scan.nextSeq = closing.nextSeq
  if (closing.position !== file.size()) return undefined
  // Somebody may have written behind it, failed, and cut that off: what is not here now must not come back.
  file.sync()
  const start = { header, position: closing.position, previousCrc: closing.previousCrc ?? 0 }
  const report = { created: false, clean: true, scannedBytes: 0, recordsFound: 0, torn: undefined }
  return { start, report, sealedBytes: undefined }
}

/** Tells a torn tail from damage; keeps the torn bytes in a file. */
function judge(tail: Tail, scan: BatchScan, durableBefore: number): TornTail | undefined {
  const { dir, file, fs, header, name } = tail
  const { end } = scan
  if (end === undefined || end.reason === 'end') return undefined
  const { position } = end
  if (end.reason === 'newer') throw new LogNewerError(`${name} at byte ${position}`, end.what)
  let durable = durableBefore
  for (const behind of headersBehind(file, header.salt, position))
    durable = Math.max(durable, behind.position - behind.header.durableBack)
  if (position < durable) throw new LogCorruptError(name, position, scan.nextSeq, end.what)
  const bytes = endOfContent(file, position) - position
  if (bytes === 0) return undefined
  const torn = new Uint8Array(bytes)
  readFully(file, torn, position)
  const kept = `${name}.${position}.torn`
  createDurably(fs, `${dir}/${kept}`, torn)
  return { segment: name, position, bytes, file: kept }
}

/**
 * What was read may be in the memory of the system only. It is written again before it is synced: after a sync that
 * failed, the system takes such pages for clean and would not write them.
 */
function makeDurable({ dir, file, fs }: Tail, from: number, to: number): void {
  const chunk = new Uint8Array(Math.min(1 << 20, to - from))
  for (let position = from; position < to; position += chunk.length) {
    const read = readFully(file, chunk, position, Math.min(chunk.length, to - position))
    writeAll(file, chunk.subarray(0, read), position)
  }
  if (file.size() !== to) file.truncate(to)
  file.sync()
  fs.syncDirectory(dir)
}
