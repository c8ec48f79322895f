import { duration } from '../../core/settings.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import type { MailboxName } from '../../core/errors.ts'
import type { DroppedCopy, SpillQueue } from '../../core/spill.ts'
import { checkPattern } from '../../core/topic.ts'
import type { FileSystem } from '../fs/file-system.ts'
import { nodeFileSystem } from '../fs/node-fs.ts'
import { lockDirectory } from '../lock.ts'
import type {
  DroppedFilter,
  KeptCopy,
  ReplayReport,
  ReplayTarget,
  SpillArea,
  SpillAreaOptions,
} from './contract.ts'
import { DroppedLog } from './dropped-log.ts'
import { FileQueue, type SpillBudget } from './file-queue.ts'

const mebibyte = 1024 * 1024
const suffix = '.spill'

/** A spill area on a file system. It touches the disk when it is first needed. */
export class DiskSpillArea implements SpillArea {
  readonly #fs: FileSystem
  readonly #dir: string
  readonly #keepBytes: number
  readonly #release: () => Promise<void>
  readonly #budget: SpillBudget
  #dropped: DroppedLog | undefined
  #discarded: { files: number; bytes: number } | undefined
  #closed: Promise<void> | undefined

  constructor(fs: FileSystem, dir: string, options: SpillAreaOptions, release: () => Promise<void>) {
    this.#fs = fs
    this.#dir = dir
    this.#release = release
    const maxBytes = duration('maxBytes', options.maxBytes, 1024 * mebibyte)
    this.#keepBytes = duration('keepBytes', options.keepBytes, 256 * mebibyte)
    let files = 0
    const nextPath = (): string => `${dir}/${++files}${suffix}`
    this.#budget = { fs, maxBytes, usedBytes: 0, nextPath, queues: new Set(), closed: false }
  }

  get usedBytes(): number {
    return this.#budget.usedBytes
  }

  get discarded(): { readonly files: number; readonly bytes: number } {
    this.#discarded ??= this.#clear()
    return this.#discarded
  }

  open(_: MailboxName, maxBytes: number, lost: (count: number, error: unknown) => void): SpillQueue {
    this.#discarded ??= this.#clear()
    return new FileQueue(this.#budget, maxBytes, lost)
  }

  keep(dropped: DroppedCopy): void {
    this.#log().keep(dropped)
  }

  async *dropped(filter?: DroppedFilter): AsyncGenerator<KeptCopy, void> {
    if (filter?.pattern !== undefined) checkPattern(filter.pattern)
    yield* this.#log().list(filter)
  }

  async replayDropped(target: ReplayTarget, filter?: DroppedFilter): Promise<ReplayReport> {
    if (filter?.pattern !== undefined) checkPattern(filter.pattern)
    return this.#log().replay(target, filter)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #log(): DroppedLog {
    if (this.#closed !== undefined)
      throw new InvalidOptionError('spill', this.#dir, 'The spill area has been closed.')
    this.#dropped ??= new DroppedLog(this.#fs, `${this.#dir}/dropped`, this.#keepBytes)
    return this.#dropped
  }

  /** Removes what a process left that was killed. */
  #clear(): { files: number; bytes: number } {
    this.#fs.mkdir(this.#dir)
    const found = { files: 0, bytes: 0 }
    for (const name of this.#fs.readdir(this.#dir)) {
      if (!name.endsWith(suffix)) continue
      const file = this.#fs.open(`${this.#dir}/${name}`, 'read')
      found.files++
      found.bytes += file.size()
      file.close()
      this.#fs.unlink(`${this.#dir}/${name}`)
    }
    return found
  }

  async #close(): Promise<void> {
    this.#budget.closed = true
    for (const queue of [...this.#budget.queues]) queue.abandon()
    await this.#dropped?.close()
    await this.#release()
  }
}

/**
 * Opens a directory in which the mailboxes of a broker put what they cannot hold.
 *
 * @throws LogLockedError when another process has it open
 *
 * @example
 * const spill = await openSpillArea('./overflow', { maxBytes: 4 * 2 ** 30 })
 * const broker = createBroker({ spill })
 * broker.subscribe('orders.>', { overflow: 'spill', capacity: 1000 })
 */
export async function openSpillArea(dir: string, options: SpillAreaOptions = {}): Promise<SpillArea> {
  nodeFileSystem.mkdir(dir)
  const lock = await lockDirectory(dir)
  try {
    const area = new DiskSpillArea(nodeFileSystem, dir, options, () => lock.release())
    void area.discarded // finds out now what an earlier process left
    return area
  } catch (error) {
    await lock.release()
    throw error
  }
}
