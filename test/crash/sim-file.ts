import type { File } from '../../src/wal/fs/file-system.ts'
import { sectorBytes } from './content.ts'
import { DiskError, type FaultKind, type Method } from './faults.ts'
import type { Op } from './op.ts'
import type { FileNode } from './store.ts'

/** What an open file needs of its disk. */
export interface FileHost {
  file(id: number): FileNode
  record(op: Op): void
  /** Counts the call; throws what goes wrong before the call does anything. */
  enter(method: Method, path: string): FaultKind | undefined
}

/** An open file of a simulated disk. It stays open when its name goes. */
export class SimFile implements File {
  readonly #host: FileHost
  readonly #id: number
  readonly #path: string
  readonly #writable: boolean
  #open = true

  constructor(host: FileHost, id: number, path: string, writable: boolean) {
    this.#host = host
    this.#id = id
    this.#path = path
    this.#writable = writable
  }

  size(): number {
    return this.#node('fstat').cache.size
  }

  read(into: Uint8Array, offset: number, length: number, position: number): number {
    const { cache } = this.#node('read')
    if (offset + length > into.length) throw new RangeError('the buffer is too small')
    const fault = this.#host.enter('read', this.#path)
    const count = cache.read(into, offset, fault === 'short' ? half(length) : length, position)
    return late(fault, 'read', this.#path, count)
  }

  async readLater(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.read(into, offset, length, position)
  }

  write(from: Uint8Array, offset: number, length: number, position: number): number {
    const { cache } = this.#node('write', true)
    if (offset + length > from.length) throw new RangeError('the buffer is too small')
    const fault = this.#host.enter('write', this.#path)
    const count = fault === 'short' ? half(length) : length
    if (count === 0) return late(fault, 'write', this.#path, 0)
    const first = Math.floor(position / sectorBytes)
    const sectors = cache.sectors(first, Math.ceil((position + count) / sectorBytes) - first)
    sectors.set(from.subarray(offset, offset + count), position - first * sectorBytes)
    const [before, after] = [cache.size, Math.max(cache.size, position + count)]
    const [file, path] = [this.#id, this.#path]
    this.#host.record({ kind: 'write', file, path, position, length: count, first, sectors, before, after })
    return late(fault, 'write', this.#path, count)
  }

  truncate(size: number): void {
    const { cache } = this.#node('ftruncate', true)
    const fault = this.#host.enter('truncate', this.#path)
    const [before, after] = [cache.size, size]
    const first = Math.floor(size / sectorBytes)
    const within = size % sectorBytes
    const sectors = cache.sectors(first, size < before && within > 0 ? 1 : 0).fill(0, within)
    this.#host.record({ kind: 'truncate', file: this.#id, path: this.#path, first, sectors, before, after })
    late(fault, 'truncate', this.#path, 0)
  }

  async syncLater(): Promise<void> {
    this.sync()
  }

  sync(): void {
    this.#node('fdatasync')
    let fault: FaultKind | undefined
    try {
      fault = this.#host.enter('sync', this.#path)
    } catch (error) {
      this.#host.record({ kind: 'sync', file: this.#id, path: this.#path, failed: true })
      throw error
    }
    this.#host.record({ kind: 'sync', file: this.#id, path: this.#path, failed: false })
    late(fault, 'sync', this.#path, 0)
  }

  close(): void {
    this.#node('close')
    this.#open = false
  }

  #node(syscall: string, writes = false): FileNode {
    if (!this.#open) throw new DiskError('EBADF', syscall, this.#path)
    if (writes && !this.#writable) {
      throw new DiskError(syscall === 'ftruncate' ? 'EINVAL' : 'EBADF', syscall, this.#path)
    }
    return this.#host.file(this.#id)
  }
}

/** Throws what a call throws that has done its work nevertheless. */
export function late<T>(fault: FaultKind | undefined, method: Method, path: string, value: T): T {
  if (fault === 'EIO-late') throw new DiskError('EIO', method, path)
  return value
}

function half(length: number): number {
  return Math.ceil(length / 2)
}
