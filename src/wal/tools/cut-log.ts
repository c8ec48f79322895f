import { dirname } from 'node:path'
import { formatMajor, segmentHeaderBytes } from '../format/layout.ts'
import type { Manifest } from '../format/manifest.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { readManifest, readSegmentHeader, segmentBases, writeManifest } from '../recovery/directory.ts'
import { createDurably, readFully } from '../segment/files.ts'
import { baseSeqOf, manifestName, nextName, segmentName } from '../segment/names.ts'

/** Where a log is to end. */
export interface Cut {
  readonly file: string
  readonly position: number
}

/**
 * Cuts a log, so that it opens again: everything at and behind `cut` moves into the directory `kept`, with copies of
 * what is changed. With a cut that is undefined only MANIFEST is written anew. A crash in between leaves a log that is
 * damaged as before, or less, and can be cut again. The caller holds the directory's lock.
 */
export function cutLog(fs: FileSystem, dir: string, cut: Cut | undefined, kept: string): void {
  fs.mkdir(kept)
  const bases = segmentBases(fs, dir)
  const manifest = manifestFor(fs, dir, bases)
  keepManifest(fs, dir, kept)
  if (cut !== undefined && baseSeqOf(cut.file) !== undefined) {
    const cutBase = baseSeqOf(cut.file) ?? 0
    const isWhole = cut.position <= segmentHeaderBytes && cutBase > manifest.startSeq
    // The last ones first: until the damaged one is replaced, the log is as damaged as it was.
    for (const base of bases.filter((base) => base > cutBase || (base === cutBase && isWhole)).toReversed())
      fs.rename(`${dir}/${segmentName(base)}`, `${kept}/${segmentName(base)}`)
    if (!isWhole && bases.includes(cutBase)) shorten(fs, dir, cut, kept)
  }
  fs.syncDirectory(kept)
  fs.syncDirectory(dirname(kept))
  writeManifest(fs, dir, { ...manifest, closed: undefined })
}

function shorten(fs: FileSystem, dir: string, { file, position }: Cut, kept: string): void {
  const path = `${dir}/${file}`
  fs.link(path, `${kept}/${file}`)
  fs.syncDirectory(kept)
  const source = fs.open(path, 'read')
  try {
    createDurably(fs, `${dir}/${nextName}`, readPrefix(source, position))
  } finally {
    source.close()
  }
  fs.rename(`${dir}/${nextName}`, path)
  fs.syncDirectory(dir)
}

function readPrefix(file: File, bytes: number): Uint8Array {
  const prefix = new Uint8Array(bytes)
  return prefix.subarray(0, readFully(file, prefix, 0))
}

/** MANIFEST as it is, or, when it cannot be read, as the segments say. */
function manifestFor(fs: FileSystem, dir: string, bases: readonly number[]): Manifest {
  try {
    const manifest = readManifest(fs, dir)
    if (manifest !== undefined) return manifest
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'LogCorruptError') throw error
  }
  const startSeq = bases[0] ?? 0
  const name = segmentName(startSeq)
  const file = fs.open(`${dir}/${name}`, 'read')
  try {
    return { format: formatMajor, logId: readSegmentHeader(file, name).logId, startSeq }
  } finally {
    file.close()
  }
}

function keepManifest(fs: FileSystem, dir: string, kept: string): void {
  try {
    fs.link(`${dir}/${manifestName}`, `${kept}/${manifestName}`)
  } catch {
    // There is none, or a repair that was interrupted has kept it already.
  }
}
