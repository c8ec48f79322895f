import * as fs from 'node:fs'
import type { File, FileSystem } from './file-system.ts'

const flags = {
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
  write: fs.constants.O_RDWR,
  read: fs.constants.O_RDONLY,
}

/** The file system of the machine. */
export const nodeFileSystem: FileSystem = {
  open: (path, mode) => new NodeFile(fs.openSync(path, flags[mode], 0o644)),
  rename: (from, to) => fs.renameSync(from, to),
  unlink: (path) => fs.unlinkSync(path),
  readdir: (path) => fs.readdirSync(path),
  mkdir: (path) => void fs.mkdirSync(path, { recursive: true }),
  syncDirectory,
  link: (existing, path) => fs.linkSync(existing, path),
}

class NodeFile implements File {
  readonly #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  size(): number {
    return fs.fstatSync(this.#fd).size
  }

  read(into: Uint8Array, offset: number, length: number, position: number): number {
    return fs.readSync(this.#fd, into, offset, length, position)
  }

  readLater(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, into, offset, length, position, (error, count) =>
        error === null ? resolve(count) : reject(error),
      )
    })
  }

  write(from: Uint8Array, offset: number, length: number, position: number): number {
    return fs.writeSync(this.#fd, from, offset, length, position)
  }

  truncate(size: number): void {
    fs.ftruncateSync(this.#fd, size)
  }

  sync(): void {
    fs.fdatasyncSync(this.#fd)
  }

  syncLater(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  close(): void {
    fs.closeSync(this.#fd)
  }
}

function syncDirectory(path: string): void {
  // Windows cannot open a directory; its metadata operations are journaled in order.
  if (process.platform === 'win32') return
  const fd = fs.openSync(path, fs.constants.O_RDONLY)
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
