import { Content, sectorBytes } from './content.ts'
import type { EntryOp, Op, SyncOp, TruncateOp, WriteOp } from './op.ts'

/** A change of a file's contents or size that no sync has settled. */
export interface PendingWrite {
  readonly op: WriteOp | TruncateOp
  /** Its place among all operations of the store. */
  readonly sequence: number
  /** A sync that failed has marked its pages clean: no later sync writes them, but the disk may have them. */
  readonly forgotten: boolean
  /** Sectors that a later write and its sync have settled. */
  readonly settled: ReadonlySet<number>
  /** Its size is settled by a later sync. */
  readonly sizeSettled: boolean
}

/** A change of a directory that no sync of the directory has settled. */
export interface PendingEntry {
  readonly op: EntryOp
  readonly sequence: number
}

/** A file: what processes see of it, what the disk has for sure, and what it may have. */
export interface FileNode {
  readonly cache: Content
  durable: Content
  pending: readonly PendingWrite[]
}

const none: ReadonlySet<number> = new Set()

/** The id of the root directory. */
export const root = 0

/**
 * The state of a file system: the view of its processes, what is durable, and the operations between the two. Files and
 * directories are nodes with an id; an entry `<directory id>/<name>` leads to a node.
 */
export class Store {
  readonly files: Map<number, FileNode> = new Map()
  entries: Map<string, number> = new Map()
  durableEntries: Map<string, number> = new Map()
  pendingEntries: readonly PendingEntry[] = []
  #sequence = 0
  #lastNode: number = root

  /** An independent copy, durable and pending parts included. */
  fork(): Store {
    const copy = new Store()
    for (const [id, { cache, durable, pending }] of this.files) {
      copy.files.set(id, { cache: cache.fork(), durable: durable.fork(), pending })
    }
    copy.entries = new Map(this.entries)
    copy.durableEntries = new Map(this.durableEntries)
    copy.pendingEntries = this.pendingEntries
    copy.#sequence = this.#sequence
    copy.#lastNode = this.#lastNode
    return copy
  }

  /** The disk after a restart: what it has is all there is. */
  restarted(entries: Map<string, number>, content: (id: number) => Content): Store {
    const restarted = new Store()
    restarted.entries = entries
    restarted.durableEntries = new Map(entries)
    restarted.#sequence = this.#sequence
    restarted.#lastNode = this.#lastNode
    for (const [, id] of walk(entries)) {
      if (!this.files.has(id) || restarted.files.has(id)) continue
      const cache = content(id)
      restarted.files.set(id, { cache, durable: cache.fork(), pending: [] })
    }
    return restarted
  }

  newNode(): number {
    return ++this.#lastNode
  }

  /** Everything is durable now, as after a long pause. */
  settle(): void {
    for (const file of this.files.values()) {
      file.durable = file.cache.fork()
      file.pending = []
    }
    this.durableEntries = new Map(this.entries)
    this.pendingEntries = []
  }

  apply(op: Op): void {
    const sequence = this.#sequence++
    switch (op.kind) {
      case 'write':
      case 'truncate': {
        this.#change(op, sequence)
        return
      }
      case 'sync': {
        this.#sync(op)
        return
      }
      case 'sync-directory': {
        this.#syncDirectory(op.directory)
        return
      }
      default: {
        this.#lastNode = Math.max(this.#lastNode, op.node)
        if (op.kind === 'create') {
          this.files.set(op.node, { cache: new Content(), durable: new Content(), pending: [] })
        }
        applyEntry(this.entries, op)
        this.pendingEntries = [...this.pendingEntries, { op, sequence }]
      }
    }
  }

  file(id: number): FileNode {
    const file = this.files.get(id)
    if (file === undefined) throw new Error(`node ${id} is not a file`)
    return file
  }

  #change(op: WriteOp | TruncateOp, sequence: number): void {
    const file = this.file(op.file)
    change(file.cache, op)
    file.cache.resize(op.after)
    const pending = { op, sequence, forgotten: false, settled: none, sizeSettled: op.before === op.after }
    file.pending = [...file.pending, pending]
  }

  #sync(op: SyncOp): void {
    const file = this.file(op.file)
    if (op.failed) {
      // The size change of a truncate stands in the journal, not in the pages.
      const forget = (write: PendingWrite) =>
        write.op.kind === 'write' ? { ...write, forgotten: true } : write
      file.pending = file.pending.map(forget)
      return
    }
    const forgotten = file.pending.filter((write) => write.forgotten)
    if (forgotten.length === 0) {
      file.durable = file.cache.fork()
      file.pending = []
      return
    }
    const dirty = file.pending.filter((write) => !write.forgotten)
    // Data that arrives behind the end of the file takes the size along.
    const sizeSettled = dirty.some(({ op }) => op.before !== op.after || endOf(op) > file.durable.size)
    for (const { op } of dirty) change(file.durable, op)
    if (sizeSettled) file.durable.resize(file.cache.size)
    const written = new Set(dirty.flatMap(({ op }) => sectorsOf(op)))
    file.pending = forgotten.map((write) => {
      const cuts = dirty.filter(({ op, sequence }) => sequence > write.sequence && op.after < op.before)
      const cut = Math.min(Number.POSITIVE_INFINITY, ...cuts.map(({ op }) => op.after))
      const settled = sectorsOf(write.op).filter(
        (sector) => written.has(sector) || sector * sectorBytes >= cut,
      )
      return {
        ...write,
        settled: new Set([...write.settled, ...settled]),
        sizeSettled: write.sizeSettled || sizeSettled,
      }
    })
  }

  #syncDirectory(directory: number): void {
    const keys = new Set<string>()
    const prefix = `${directory}/`
    // Backwards: an operation that must be durable takes along what it stands on.
    const due = this.pendingEntries.toReversed().filter(({ op }) => {
      const names = namesOf(op)
      if (!names.some((name) => name.startsWith(prefix) || keys.has(name))) return false
      for (const name of names) keys.add(name)
      return true
    })
    for (const { op } of due.toReversed()) applyEntry(this.durableEntries, op)
    this.pendingEntries = this.pendingEntries.filter((entry) => !due.includes(entry))
  }
}

/** Changes the bytes, not the size. */
function change(content: Content, op: WriteOp | TruncateOp): void {
  if (op.after < op.before) content.wipe(op.after)
  content.put(op.first * sectorBytes, op.sectors)
}

function endOf(op: WriteOp | TruncateOp): number {
  return op.kind === 'write' ? op.position + op.length : op.after
}

/** The sectors an operation writes. */
export function sectorsOf(op: WriteOp | TruncateOp): readonly number[] {
  return Array.from({ length: op.sectors.length / sectorBytes }, (_, index) => op.first + index)
}

/** The directory entries an operation changes. */
export function namesOf(op: EntryOp): readonly string[] {
  return [op.from, op.to].filter((name) => name !== undefined)
}

export function applyEntry(entries: Map<string, number>, op: EntryOp): void {
  if (op.from !== undefined) entries.delete(op.from)
  if (op.to !== undefined) entries.set(op.to, op.node)
}

/** Every path that leads from the root to a node, with the node. */
export function walk(entries: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  const children = new Map<number, [string, number][]>()
  for (const [key, node] of entries) {
    const slash = key.indexOf('/')
    const parent = Number(key.slice(0, slash))
    const list = children.get(parent)
    const child: [string, number] = [key.slice(slash), node]
    if (list === undefined) children.set(parent, [child])
    else list.push(child)
  }
  const found: [string, number][] = []
  const visit = (parent: number, path: string): void => {
    for (const [name, node] of children.get(parent) ?? []) {
      found.push([path + name, node])
      visit(node, path + name)
    }
  }
  visit(root, '')
  return found
}
