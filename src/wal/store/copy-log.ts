import { dirname } from 'node:path'
import { InvalidOptionError } from '../../core/errors.ts'
import type { Manifest } from '../format/manifest.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { segmentBases, writeManifest } from '../recovery/directory.ts'
import { codeOf, writeAll } from '../segment/files.ts'
import { segmentName } from '../segment/names.ts'

const chunkBytes = 1024 * 1024

/**
 * Copies a log that may be in use: sealed segments get a second name where the file system allows, the active one is
 * copied. The copy ends somewhere behind everything that was durable at the call, as after a crash.
 */
export async function copyLog(
  fs: FileSystem,
  from: string,
  to: string,
  manifest: Manifest,
  activeBase: number,
): Promise<void> {
  fs.mkdir(to)
  if (fs.readdir(to).length > 0)
    throw new InvalidOptionError('dir', to, 'Give a directory that is empty or not there.')
  const bases = segmentBases(fs, from).filter((base) => base >= manifest.startSeq && base <= activeBase)
  for (const base of bases) {
    const name = segmentName(base)
    if (base === activeBase || !linked(fs, `${from}/${name}`, `${to}/${name}`))
      await copyFile(fs, `${from}/${name}`, `${to}/${name}`)
  }
  writeManifest(fs, to, { ...manifest, closed: undefined })
  fs.syncDirectory(dirname(to))
}

function linked(fs: FileSystem, from: string, to: string): boolean {
  try {
    fs.link(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw error
    return false
  }
}

async function copyFile(fs: FileSystem, from: string, to: string): Promise<void> {
  const source = fs.open(from, 'read')
  try {
    const target = fs.open(to, 'create')
    try {
      await copyBytes(source, target)
      target.sync()
    } finally {
      target.close()
    }
  } finally {
    source.close()
  }
}

async function copyBytes(source: File, target: File): Promise<void> {
  const chunk = new Uint8Array(chunkBytes)
  let position = 0
  for (let read = await source.readLater(chunk, 0, chunkBytes, 0); read > 0;) {
    writeAll(target, chunk.subarray(0, read), position)
    position += read
    read = await source.readLater(chunk, 0, chunkBytes, position)
  }
}
