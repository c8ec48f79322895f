import type { File, FileSystem } from '../../src/wal/fs/file-system.ts'
import { type CrashOptions, outcomes } from './crash-states.ts'
import { type Outcome, storeHash } from './outcome.ts'
import { DiskError, type Fault, type FaultKind, Faults, type Method } from './faults.ts'
import type { EntryOp, Op } from './op.ts'
import { type FileHost, late, SimFile } from './sim-file.ts'
import { root, Store, walk } from './store.ts'

/** A disk that a crash may leave behind. */
export interface CrashState {
  /** Made when first asked for: the disk as the next process finds it. */
  readonly disk: SimDisk
  /** Equal states have equal hashes. */
  readonly hash: number
  /** What was lost and what was kept, for people. */
  describe(): string
}

/**
 * A file system in memory that knows what of its contents a power failure may take away. Processes see every operation
 * at once; the disk has only what was synced. A name without a synced directory may be lost, synced file or not.
 */
export class SimDisk implements FileSystem {
  readonly #faults = new Faults()
  readonly #host: FileHost
  readonly #log: Op[] = []
  /** The store before the first operation of the log; undefined while there is none. */
  #start: Store | undefined
  #now: Store
  /** The store after so many operations, kept because the next question is mostly about the next one. */
  #past: { readonly store: Store; length: number } | undefined

  /** Directories given here, and their parents, exist and are durable. */
  constructor(directories: readonly string[] = [], store: Store = new Store()) {
    this.#now = store
    for (const path of directories) this.mkdir(path)
    if (directories.length > 0) this.settle()
    this.#host = {
      file: (id) => this.#now.file(id),
      record: (op) => this.#record(op),
      enter: (method, path) => this.#enter(method, path),
    }
  }

  /** Every change and sync since the disk was made, settled or reopened, oldest first. */
  get log(): readonly Op[] {
    return this.#log
  }

  /** How many calls have gone wrong. */
  get fired(): number {
    return this.#faults.fired
  }

  /** The number of calls so far, failed ones included. */
  calls(method: Method | 'any'): number {
    return this.#faults.calls(method)
  }

  /** The `n`th matching call from now on goes wrong; 1 is the next one. Several faults may wait at a time. */
  failAt(n: number, fault: Fault): void {
    this.#faults.arm(n, fault)
  }

  /** Nothing goes wrong any more. */
  heal(): void {
    this.#faults.disarm()
  }

  /** Makes everything durable and forgets the log: what came before is no part of the test. */
  settle(): void {
    this.#now.settle()
    this.#log.length = 0
    this.#start = undefined
    this.#past = undefined
  }

  /**
   * The disks that a power failure may leave after the first `at` operations of the log: simple ones first, each once.
   * Ends when there are no more, or after `limit`.
   */
  *crashStates(at: number = this.#log.length, options: CrashOptions = {}): Generator<CrashState, void> {
    for (const outcome of outcomes(this.#storeAt(at).fork(), options)) yield new Reopened(outcome)
  }

  /**
   * The disk after kill -9: the next process sees everything that was written, and a power failure may still take what
   * was never synced.
   */
  kill(at: number = this.#log.length): SimDisk {
    return new SimDisk([], this.#storeAt(at).fork())
  }

  /** Paths of all files as processes see them, sorted. */
  paths(): readonly string[] {
    const files = walk(this.#now.entries).filter(([, id]) => this.#now.files.has(id))
    return files.map(([path]) => path).toSorted()
  }

  /** The bytes of a file as processes see them. Counts as no call. */
  bytesOf(path: string): Uint8Array {
    return this.#now.file(this.#existing(path, 'read')).cache.bytes()
  }

  /** Damages a file behind everybody's back, in the cache and on the disk; meant for a disk that is settled. */
  corrupt(path: string, edit: (bytes: Uint8Array) => Uint8Array | void): void {
    const { cache, durable } = this.#now.file(this.#existing(path, 'corrupt'))
    for (const content of [cache, durable]) {
      const bytes = content.bytes()
      const edited = edit(bytes) ?? bytes
      content.wipe(0)
      content.put(0, edited)
      content.resize(edited.length)
    }
  }

  /** A hash of all paths and contents as processes see them. */
  hash(): number {
    return storeHash(this.#now)
  }

  open(path: string, mode: 'create' | 'write' | 'read'): File {
    const fault = this.#enter('open', path)
    let id: number
    if (mode === 'create') {
      const to = this.#key(path, 'open')
      if (this.#now.entries.has(to)) throw new DiskError('EEXIST', 'open', path)
      id = this.#now.newNode()
      this.#record({ kind: 'create', node: id, from: undefined, to, path })
    } else {
      id = this.#existing(path, 'open')
      if (!this.#now.files.has(id)) throw new DiskError('EISDIR', 'open', path)
    }
    return late(fault, 'open', path, new SimFile(this.#host, id, path, mode !== 'read'))
  }

  rename(from: string, to: string): void {
    const fault = this.#enter('rename', from)
    const node = this.#existing(from, 'rename')
    const key = this.#key(to, 'rename')
    const replaced = this.#now.entries.get(key)
    if (replaced !== undefined && this.#now.files.has(replaced) !== this.#now.files.has(node)) {
      throw new DiskError(this.#now.files.has(node) ? 'EISDIR' : 'ENOTDIR', 'rename', from)
    }
    if (replaced !== undefined && this.#childrenOf(replaced).length > 0) {
      throw new DiskError('ENOTEMPTY', 'rename', from)
    }
    // Two names of one file: the system does nothing.
    if (replaced !== node) this.#entry('rename', node, this.#key(from, 'rename'), key, `${from} to ${to}`)
    late(fault, 'rename', from, undefined)
  }

  unlink(path: string): void {
    const fault = this.#enter('unlink', path)
    const node = this.#existing(path, 'unlink')
    if (!this.#now.files.has(node)) throw new DiskError('EISDIR', 'unlink', path)
    this.#entry('unlink', node, this.#key(path, 'unlink'), undefined, path)
    late(fault, 'unlink', path, undefined)
  }

  link(existing: string, path: string): void {
    const fault = this.#enter('link', path)
    const node = this.#existing(existing, 'link')
    if (!this.#now.files.has(node)) throw new DiskError('EPERM', 'link', existing)
    const to = this.#key(path, 'link')
    if (this.#now.entries.has(to)) throw new DiskError('EEXIST', 'link', path)
    this.#entry('link', node, undefined, to, `${existing} as ${path}`)
    late(fault, 'link', path, undefined)
  }

  readdir(path: string): readonly string[] {
    const fault = this.#enter('readdir', path)
    return late(fault, 'readdir', path, this.#childrenOf(this.#directory(path, 'scandir')))
  }

  mkdir(path: string): void {
    const fault = this.#enter('mkdir', path)
    let made = ''
    for (const name of namesIn(path)) {
      const to = this.#key(`${made}/${name}`, 'mkdir')
      made = `${made}/${name}`
      const known = this.#now.entries.get(to)
      if (known === undefined) this.#entry('mkdir', this.#now.newNode(), undefined, to, made)
      else if (this.#now.files.has(known)) throw new DiskError('EEXIST', 'mkdir', path)
    }
    late(fault, 'mkdir', path, undefined)
  }

  syncDirectory(path: string): void {
    const fault = this.#enter('syncDirectory', path)
    this.#record({ kind: 'sync-directory', directory: this.#directory(path, 'open'), path })
    late(fault, 'syncDirectory', path, undefined)
  }

  #enter(method: Method, path: string): FaultKind | undefined {
    const fault = this.#faults.next(method)
    if (fault === 'EIO' || fault === 'ENOSPC') throw new DiskError(fault, method, path)
    return fault
  }

  #entry(
    kind: EntryOp['kind'],
    node: number,
    from: string | undefined,
    to: string | undefined,
    path: string,
  ) {
    this.#record({ kind, node, from, to, path })
  }

  #record(op: Op): void {
    this.#start ??= this.#now.fork()
    this.#now.apply(op)
    this.#log.push(op)
  }

  #storeAt(at: number): Store {
    if (!(at >= 0 && at <= this.#log.length)) throw new RangeError(`the log has no place ${at}`)
    if (at === this.#log.length) return this.#now
    if (this.#past === undefined || this.#past.length > at) {
      this.#past = { store: (this.#start ?? this.#now).fork(), length: 0 }
    }
    const past = this.#past
    for (; past.length < at; past.length++) past.store.apply(this.#log[past.length] as Op)
    return past.store
  }

  #childrenOf(directory: number): string[] {
    const prefix = `${directory}/`
    const keys = [...this.#now.entries.keys()].filter((key) => key.startsWith(prefix))
    return keys.map((key) => key.slice(prefix.length))
  }

  /** The entry of a path; its directory must be there. */
  #key(path: string, syscall: string): string {
    const names = namesIn(path)
    const name = names.pop()
    if (name === undefined) throw new DiskError('EINVAL', syscall, path)
    return `${this.#directory(names.join('/'), syscall)}/${name}`
  }

  #existing(path: string, syscall: string): number {
    const node = namesIn(path).length === 0 ? root : this.#now.entries.get(this.#key(path, syscall))
    if (node === undefined) throw new DiskError('ENOENT', syscall, path)
    return node
  }

  #directory(path: string, syscall: string): number {
    let directory = root
    for (const name of namesIn(path)) {
      const next = this.#now.entries.get(`${directory}/${name}`)
      if (next === undefined) throw new DiskError('ENOENT', syscall, path)
      if (this.#now.files.has(next)) throw new DiskError('ENOTDIR', syscall, path)
      directory = next
    }
    return directory
  }
}

class Reopened implements CrashState {
  readonly #outcome: Outcome
  #disk: SimDisk | undefined

  constructor(outcome: Outcome) {
    this.#outcome = outcome
  }

  get disk(): SimDisk {
    return (this.#disk ??= new SimDisk([], this.#outcome.store))
  }

  get hash(): number {
    return this.#outcome.hash
  }

  describe(): string {
    return this.#outcome.describe()
  }
}

function namesIn(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}
