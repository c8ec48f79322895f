import type { Message } from '../../core/message.ts'
import { RingBuffer } from '../../core/ring-buffer.ts'
import type { SpillQueue, SpillVerdict } from '../../core/spill.ts'
import type { FileSystem } from '../fs/file-system.ts'
import { type Block, BlockFile } from './block-file.ts'
import { decodeMessage, encodeMessage } from './spill-codec.ts'

/** What all queues of an area share. */
export interface SpillBudget {
  readonly fs: FileSystem
  readonly maxBytes: number
  /** Bytes that wait in all queues. */
  usedBytes: number
  /** The path of a new file. */
  nextPath(): string
  /** Those that have not ended. */
  readonly queues: Set<FileQueue>
  /** The area was closed: nothing can be stored any more. */
  closed: boolean
}

const blockBytes = 64 * 1024
const fileBytes = 8 * 1024 * 1024
const lengthBytes = 4

/**
 * A queue in files: a message is a length and its bytes, and messages are written and read 64 KiB at a time. In memory
 * are the block that is being filled, the one that is being read, and where the others are. Reading and writing are
 * synchronous, because a mailbox hands over without waiting; the files are young, so this is the memory of the system
 * rather than the disk. What is on the disk is never more than one file longer than what waits.
 */
export class FileQueue implements SpillQueue {
  readonly counts = { copies: 0, bytes: 0, total: 0 }
  readonly #budget: SpillBudget
  readonly #maxBytes: number
  readonly #lost: (count: number, error: unknown) => void
  readonly #blocks = new RingBuffer<Block>()
  #file: BlockFile | undefined
  /** The newest messages. */
  #tail: Buffer = Buffer.alloc(0)
  #tailEnd = 0
  #tailCount = 0
  /** The oldest. */
  #head: Buffer = Buffer.alloc(0)
  #headAt = 0
  #headCount = 0
  #staged: Message | undefined
  #stagedBytes: Buffer | undefined

  constructor(budget: SpillBudget, maxBytes: number, lost: (count: number, error: unknown) => void) {
    this.#budget = budget
    this.#maxBytes = Math.min(maxBytes, budget.maxBytes)
    this.#lost = lost
    budget.queues.add(this)
  }

  stage(message: Message): SpillVerdict {
    if (this.#budget.closed) return 'full'
    const bytes = this.#encode(message)
    if (bytes === undefined) return 'unspillable'
    const length = lengthBytes + bytes.length
    if (length > this.#maxBytes) return 'too-large'
    const { maxBytes, usedBytes } = this.#budget
    if (this.counts.bytes + length > this.#maxBytes || usedBytes + length > maxBytes) return 'full'
    return this.#makeRoom(length) ? 'fits' : 'full'
  }

  push(message: Message): void {
    if (this.#staged !== message || this.#stagedBytes === undefined) return
    const bytes = this.#stagedBytes
    this.#staged = undefined
    this.#stagedBytes = undefined
    this.#tail.writeUInt32LE(bytes.length, this.#tailEnd)
    bytes.copy(this.#tail, this.#tailEnd + lengthBytes)
    this.#tailEnd += lengthBytes + bytes.length
    this.#tailCount++
    this.counts.total++
    this.#account(1, lengthBytes + bytes.length)
  }

  shift(): Message | undefined {
    while (this.#headCount === 0) if (!this.#nextBlock()) return undefined
    const length = this.#head.readUInt32LE(this.#headAt)
    const from = this.#headAt + lengthBytes
    this.#headAt = from + length
    this.#headCount--
    this.#account(-1, -lengthBytes - length)
    return decodeMessage(this.#head.subarray(from, this.#headAt))
  }

  /** The area is closed under it: what waited here is lost, and said to be. */
  abandon(): void {
    const { copies } = this.counts
    this.end()
    if (copies > 0) this.#lost(copies, new Error('the spill area has been closed'))
  }

  end(): void {
    this.#budget.queues.delete(this)
    this.#account(-this.counts.copies, -this.counts.bytes)
    const files = new Set<BlockFile>()
    for (let block = this.#blocks.shift(); block !== undefined; block = this.#blocks.shift())
      files.add(block.file)
    if (this.#file !== undefined) files.add(this.#file)
    for (const file of files) file.drop()
    this.#file = undefined
    this.#headCount = this.#tailCount = this.#tailEnd = 0
    this.#head = this.#tail = Buffer.alloc(0)
  }

  /** The message's bytes; undefined when it cannot be cloned. Asked again at once by `push` and by a second try. */
  #encode(message: Message): Buffer | undefined {
    if (this.#staged === message) return this.#stagedBytes
    this.#staged = message
    try {
      this.#stagedBytes = encodeMessage(message)
    } catch {
      this.#stagedBytes = undefined
    }
    return this.#stagedBytes
  }

  /** Makes room in the tail for `length` bytes; false when the disk does not take what is in it. */
  #makeRoom(length: number): boolean {
    if (this.#tailEnd + length <= this.#tail.length) return true
    if (this.#tailCount > 0) {
      try {
        this.#flush()
      } catch {
        return false // what is in the tail stays there, and is read from there
      }
    }
    if (length > this.#tail.length) this.#tail = Buffer.allocUnsafeSlow(Math.max(blockBytes, length))
    return true
  }

  #flush(): void {
    if (this.#file !== undefined && this.#file.end >= fileBytes) {
      this.#file.seal()
      this.#file = undefined
    }
    this.#file ??= new BlockFile(this.#budget.fs, this.#budget.nextPath())
    this.#blocks.push(this.#file.write(this.#tail.subarray(0, this.#tailEnd), this.#tailCount))
    this.#tailEnd = this.#tailCount = 0
  }

  /** Makes the next block the head; false when there is none. */
  #nextBlock(): boolean {
    const block = this.#blocks.shift()
    if (block === undefined) return this.#takeTail()
    this.#headAt = 0
    try {
      this.#head = block.file.read(block)
      this.#headCount = block.count
    } catch (error) {
      this.#account(-block.count, -block.bytes)
      this.#lost(block.count, error)
    }
    return true
  }

  #takeTail(): boolean {
    if (this.#tailCount === 0) return false
    const memory = this.#head.length >= blockBytes ? this.#head : Buffer.alloc(0)
    ;[this.#head, this.#headAt, this.#headCount] = [this.#tail, 0, this.#tailCount]
    ;[this.#tail, this.#tailEnd, this.#tailCount] = [memory, 0, 0]
    return true
  }

  #account(copies: number, bytes: number): void {
    this.counts.copies += copies
    this.counts.bytes += bytes
    this.#budget.usedBytes += bytes
  }
}
