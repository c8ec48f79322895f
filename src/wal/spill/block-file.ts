import { crc32 } from 'node:zlib'
import type { File, FileSystem } from '../fs/file-system.ts'
import { readFully, removeIfThere, writeAll } from '../segment/files.ts'

/** Bytes of one queue, written and read as a whole. */
export interface Block {
  readonly file: BlockFile
  readonly position: number
  readonly bytes: number
  readonly crc: number
  /** How many messages it holds. */
  readonly count: number
}

/** A file of blocks, which is removed when the last of them has been read. Nothing in it outlives the process. */
export class BlockFile {
  readonly #fs: FileSystem
  readonly #path: string
  readonly #file: File
  #unread = 0
  #full = false
  /** Where the next block goes. */
  end = 0

  constructor(fs: FileSystem, path: string) {
    this.#fs = fs
    this.#path = path
    this.#file = fs.open(path, 'create')
  }

  /** Throws what the disk says; the block is then not there. */
  write(bytes: Uint8Array, count: number): Block {
    const position = this.end
    writeAll(this.#file, bytes, position)
    this.end += bytes.length
    this.#unread++
    return { file: this, position, bytes: bytes.length, crc: crc32(bytes), count }
  }

  /** Returns the bytes, or throws; either way the block is done with. */
  read({ bytes, crc, position }: Block): Buffer {
    try {
      const buffer = Buffer.allocUnsafe(bytes)
      if (readFully(this.#file, buffer, position) < bytes) throw new Error('the file has become shorter')
      if (crc32(buffer) !== crc) throw new Error('the checksum does not match')
      return buffer
    } finally {
      this.#unread--
      this.#removeIfDone()
    }
  }

  /** Nothing more will be written to it. */
  seal(): void {
    this.#full = true
    this.#removeIfDone()
  }

  /** Removes it with whatever is unread. */
  drop(): void {
    this.#unread = 0
    this.seal()
  }

  #removeIfDone(): void {
    if (!this.#full || this.#unread > 0) return
    this.#full = false // once
    this.#file.close()
    removeIfThere(this.#fs, this.#path)
  }
}
