import type { File, FileSystem } from '../fs/file-system.ts'

/** Writes everything, however few bytes the system takes at a time. */
export function writeAll(file: File, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    const wrote = file.write(bytes, done, bytes.length - done, position + done)
    if (wrote <= 0) throw Object.assign(new Error('the disk took no bytes'), { code: 'EIO' })
    done += wrote
  }
}

/** Reads up to `length` bytes at `position`; fewer only at the end of the file. */
export function readFully(
  file: File,
  into: Uint8Array,
  position: number,
  length: number = into.length,
): number {
  let done = 0
  while (done < length) {
    const read = file.read(into, done, length - done, position + done)
    if (read === 0) break
    done += read
  }
  return done
}

export function readWholeFile(fs: FileSystem, path: string): Uint8Array {
  const file = fs.open(path, 'read')
  try {
    const bytes = new Uint8Array(file.size())
    return bytes.subarray(0, readFully(file, bytes, 0))
  } finally {
    file.close()
  }
}

/** Replaces a file as a whole: after a crash there is the old one or the new one. */
export function replaceFile(
  fs: FileSystem,
  dir: string,
  name: string,
  temporary: string,
  bytes: Uint8Array,
): void {
  createDurably(fs, `${dir}/${temporary}`, bytes)
  fs.rename(`${dir}/${temporary}`, `${dir}/${name}`)
  fs.syncDirectory(dir)
}

/** Makes a file whose contents are on disk, though its name may not be yet; one of that name is replaced. */
export function createDurably(fs: FileSystem, path: string, bytes: Uint8Array): void {
  removeIfThere(fs, path)
  const file = fs.open(path, 'create')
  try {
    writeAll(file, bytes, 0)
    file.sync()
  } finally {
    file.close()
  }
}

export function removeIfThere(fs: FileSystem, path: string): void {
  try {
    fs.unlink(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

export function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined
}
