import type { File } from '../../src/wal/fs/file-system.ts'
import type { CrashOptions } from './crash-states.ts'
import { type CrashState, SimDisk } from './sim-disk.ts'

/** What `read` says about a file that is not there. */
export const missing: string = '-'

/** A disk with the durable file `/d/a`. */
export function settled(text: string): SimDisk {
  const disk = new SimDisk(['/d'])
  write(disk, '/d/a', text)
  disk.settle()
  return disk
}

export function write(disk: SimDisk, path: string, text: string): File {
  const file = disk.open(path, 'create')
  file.write(Buffer.from(text), 0, text.length, 0)
  return file
}

export function append(disk: SimDisk, path: string, text: string): File {
  const file = disk.open(path, 'write')
  file.write(Buffer.from(text), 0, text.length, file.size())
  return file
}

export function contents(file: File): Uint8Array {
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0, bytes.length, 0)
  return bytes
}

export function read(disk: SimDisk, path: string): string {
  return disk.paths().includes(path) ? Buffer.from(disk.bytesOf(path)).toString('latin1') : missing
}

export function states(
  disk: SimDisk,
  options: CrashOptions = {},
  at: number = disk.log.length,
): readonly CrashState[] {
  return [...disk.crashStates(at, { limit: 5000, ...options })]
}

/** Every text that a file may have after a power failure, sorted. */
export function possible(
  disk: SimDisk,
  path: string,
  options: CrashOptions = {},
  at?: number,
): readonly string[] {
  return [...new Set(states(disk, options, at).map((state) => read(state.disk, path)))].toSorted()
}
