/** Bytes reached a file. `sectors` is what the whole sectors from `first` on hold afterwards. */
export interface WriteOp {
  readonly kind: 'write'
  readonly file: number
  readonly path: string
  readonly position: number
  readonly length: number
  readonly first: number
  readonly sectors: Uint8Array
  /** The size of the file before and after. */
  readonly before: number
  readonly after: number
}

/** A file was cut or extended. `sectors` is the sector that the cut goes through, or nothing. */
export interface TruncateOp {
  readonly kind: 'truncate'
  readonly file: number
  readonly path: string
  readonly first: number
  readonly sectors: Uint8Array
  readonly before: number
  readonly after: number
}

/** A file was synced; `failed` says that the call threw and that the disk may have none of it. */
export interface SyncOp {
  readonly kind: 'sync'
  readonly file: number
  readonly path: string
  readonly failed: boolean
}

/** A directory changed: the entry `from` went, the entry `to` leads to `node` now. */
export interface EntryOp {
  readonly kind: 'create' | 'mkdir' | 'link' | 'rename' | 'unlink'
  readonly node: number
  readonly from: string | undefined
  readonly to: string | undefined
  readonly path: string
}

export interface SyncDirectoryOp {
  readonly kind: 'sync-directory'
  readonly directory: number
  readonly path: string
}

/** One operation that a file system has carried out. */
export type Op = WriteOp | TruncateOp | SyncOp | EntryOp | SyncDirectoryOp

/** One line for people: `write /log/1.seg 100 bytes at 512`. */
export function describeOp(op: Op): string {
  const text = `${op.kind} ${op.path}`
  switch (op.kind) {
    case 'write': {
      return `${text} ${op.length} bytes at ${op.position}`
    }
    case 'truncate': {
      return `${text} from ${op.before} to ${op.after} bytes`
    }
    case 'sync': {
      return op.failed ? `${text} failed` : text
    }
    default: {
      return text
    }
  }
}
