import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import type { RecoveryReport } from '../contract.ts'
import { LogCorruptError } from '../errors.ts'
import { formatMajor, segmentHeaderBytes } from '../format/layout.ts'
import type { Manifest } from '../format/manifest.ts'
import type { FileSystem } from '../fs/file-system.ts'
import { codeOf, removeIfThere } from '../segment/files.ts'
import {
  baseSeqOf,
  compactName,
  manifestName,
  manifestTemporaryName,
  nextName,
  segmentName,
} from '../segment/names.ts'
import { beginSegment, type WriterStart } from '../segment/segment-writer.ts'
import {
  nextHeader,
  readManifest,
  readSegmentHeader,
  type SealedSegment,
  segmentBases,
  writeManifest,
} from './directory.ts'
import { LogState } from './log-state.ts'
import { readSeal } from './seal.ts'
import { recoverTail } from './tail.ts'

/** A log, ready to be written to. */
export interface OpenedLog {
  readonly manifest: Manifest
  readonly state: LogState
  readonly sealed: readonly SealedSegment[]
  readonly start: WriterStart
  readonly report: RecoveryReport
}

/**
 * Opens the log in `dir`, or makes one. Everything the result tells of is on disk when this returns.
 *
 * @throws LogCorruptError when bytes that were durable are damaged or files are missing; nothing was changed
 * @throws LogNewerError when a newer version wrote it
 */
export function openLog(fs: FileSystem, dir: string, nowMs: number): OpenedLog {
  fs.mkdir(dir)
  const manifest = readManifest(fs, dir)
  const bases = segmentBases(fs, dir)
  if (manifest === undefined) return create(fs, dir, bases, nowMs)
  removeIfThere(fs, `${dir}/${nextName}`)
  removeIfThere(fs, `${dir}/${manifestTemporaryName}`)
  removeIfThere(fs, `${dir}/${compactName}`)
  return recover(fs, dir, manifest, bases, nowMs)
}

/** The manifest comes last: without one, what is there is the beginning of a log that was never used. */
function create(fs: FileSystem, dir: string, bases: readonly number[], nowMs: number): OpenedLog {
  if (bases.length > 0) checkUnused(fs, dir, bases)
  for (const base of bases) fs.unlink(`${dir}/${segmentName(base)}`)
  const header = nextHeader(randomBytes(16).toString('hex'), 1, 0, 0, nowMs)
  const manifest: Manifest = { format: formatMajor, logId: header.logId, startSeq: 0 }
  syncAncestors(fs, dir) // before the manifest, which is the sign that all this was done
  beginSegment(fs, dir, header)
  writeManifest(fs, dir, manifest)
  return {
    manifest,
    state: new LogState(),
    sealed: [],
    start: { header, position: segmentHeaderBytes, previousCrc: 0 },
    report: { created: true, clean: true, scannedBytes: 0, recordsFound: 0, torn: undefined },
  }
}

/** Any of the directories above may be new, made by us or by a process that was killed before it could sync them. */
function syncAncestors(fs: FileSystem, dir: string): void {
  for (let path = dir; path !== dirname(path);) {
    path = dirname(path)
    try {
      fs.syncDirectory(path)
    } catch (error) {
      // A directory that may not even be read was not made by us.
      if (codeOf(error) !== 'EACCES' && codeOf(error) !== 'EPERM') throw error
    }
  }
}

function checkUnused(fs: FileSystem, dir: string, bases: readonly number[]): void {
  const file = fs.open(`${dir}/${segmentName(bases[0] ?? 0)}`, 'read')
  const bytes = file.size()
  file.close()
  if (bases.length > 1 || bases[0] !== 0 || bytes > segmentHeaderBytes)
    throw new LogCorruptError(manifestName, 0, undefined, 'there are segments but no MANIFEST')
}

function recover(
  fs: FileSystem,
  dir: string,
  manifest: Manifest,
  allBases: readonly number[],
  nowMs: number,
): OpenedLog {
  const state = new LogState()
  const lastBase = allBases.at(-1)
  if (lastBase === undefined)
    throw new LogCorruptError(manifestName, 0, manifest.startSeq, 'there is a MANIFEST but no segment')
  checkLast(manifest, lastBase)
  const before = allBases.at(-2)
  const sealed: SealedSegment[] = []
  if (before !== undefined) {
    const seal = readSeal(fs, dir, before, manifest.logId)
    if (seal.snapshot.nextSeq !== lastBase)
      throw new LogCorruptError(
        segmentName(lastBase),
        0,
        seal.snapshot.nextSeq,
        'a segment before it is missing',
      )
    state.restore(seal.snapshot)
    for (const [baseSeq, bytes, lastMs] of seal.snapshot.segments) sealed.push({ baseSeq, bytes, lastMs })
    sealed.push({ baseSeq: before, bytes: seal.bytes, lastMs: seal.snapshot.timeMs })
    checkSegments(sealed, allBases, manifest.startSeq)
  } else if (lastBase > manifest.startSeq) {
    throw new LogCorruptError(
      segmentName(lastBase),
      0,
      manifest.startSeq,
      'the segments before it are missing',
    )
  }
  state.beginSegment()
  const name = segmentName(lastBase)
  const file = fs.open(`${dir}/${name}`, 'write')
  try {
    const header = readSegmentHeader(file, name)
    if (header.logId !== manifest.logId || header.baseSeq !== lastBase)
      throw new LogCorruptError(name, 0, lastBase, 'the segment belongs to another log or place')
    const previousBytes = sealed.at(-1)?.bytes
    const isRewritten = manifest.rewritten?.some(([base]) => base === before) ?? false
    if (previousBytes !== undefined && header.previousBytes !== previousBytes && !isRewritten)
      throw new LogCorruptError(
        segmentName(before ?? 0),
        previousBytes,
        undefined,
        'the segment has another length',
      )
    const tail = recoverTail({ fs, dir, name, file, header, state, closed: manifest.closed })
    const kept = sealed
      .filter((segment) => segment.baseSeq >= manifest.startSeq)
      .map((segment) => asRewritten(fs, dir, manifest, segment))
    const [oldest] = kept
    if (oldest !== undefined) state.removeBefore(readSeal(fs, dir, oldest.baseSeq, manifest.logId).snapshot)
    for (const base of allBases) if (base < manifest.startSeq) fs.unlink(`${dir}/${segmentName(base)}`)
    if (tail.sealedBytes === undefined)
      return { manifest, state, sealed: kept, start: tail.start, report: tail.report }
    // It was sealed, and then the next segment was not begun any more.
    const next = nextHeader(manifest.logId, header.segmentId + 1, state.nextSeq, tail.sealedBytes, nowMs)
    beginSegment(fs, dir, next)
    state.beginSegment()
    const last = { baseSeq: lastBase, bytes: tail.sealedBytes, lastMs: state.lastMs }
    const start = { header: next, position: segmentHeaderBytes, previousCrc: 0 }
    return { manifest, state, sealed: [...kept, last], start, report: tail.report }
  } finally {
    file.close()
  }
}

/** Seals know how long a segment was before it was rewritten. */
function asRewritten(fs: FileSystem, dir: string, manifest: Manifest, segment: SealedSegment): SealedSegment {
  if (!(manifest.rewritten?.some(([base]) => base === segment.baseSeq) ?? false)) return segment
  const file = fs.open(`${dir}/${segmentName(segment.baseSeq)}`, 'read')
  const bytes = file.size()
  file.close()
  return { ...segment, bytes }
}

/** The manifest may know of a segment that was on disk before it was, and is gone. */
function checkLast({ closed, startSeq }: Manifest, lastBase: number): void {
  const last = segmentName(lastBase)
  const known = [segmentName(startSeq), closed?.segment ?? ''].find((name) => name > last)
  if (known !== undefined) throw new LogCorruptError(known, 0, baseSeqOf(known), 'the segment is missing')
}

/** What the last seal lists must be there, but for the oldest ones, which retention may have removed. */
function checkSegments(listed: readonly SealedSegment[], bases: readonly number[], startSeq: number): void {
  const there = new Set(bases)
  for (const { baseSeq } of listed)
    if (baseSeq >= startSeq && !there.has(baseSeq))
      throw new LogCorruptError(segmentName(baseSeq), 0, baseSeq, 'the segment is missing')
}
