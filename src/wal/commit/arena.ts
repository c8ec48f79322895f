import type { Batch } from './batch.ts'

/**
 * A batch gets this much room: whoever wants one record has to check the whole batch it is in, and a larger one would
 * be written no faster, because batches that stand side by side are written together.
 */
export const batchRoom: number = 64 * 1024
const leastRoom = 16 * 1024
const leastChunks = 4
/** Of more than so many some are given back when the disk has caught up; of fewer none, for new memory is slow. */
const mostChunks = 16

/** Memory in which batches stand side by side, oldest first. */
interface Chunk {
  readonly bytes: Uint8Array
  readonly batches: Batch[]
  used: number
}

/**
 * The memory batches are built in: chunks that are filled one after the other, and used again in the order they were
 * filled. A batch stays readable after it has been written, until its chunk is used again: the newest part of the log
 * is read from here. There are more chunks while the disk cannot keep up.
 */
export class Arena {
  readonly #allocate: (bytes: number) => Uint8Array
  readonly #chunkBytes: number
  /** Oldest first; batches are built in the last. */
  readonly #chunks: Chunk[]
  /** Batches with records from this number on are being read. */
  heldFrom: number = Number.POSITIVE_INFINITY

  /** `bytes` is what it usually takes; `allocate` gives it memory. */
  constructor(bytes: number, allocate: (bytes: number) => Uint8Array) {
    this.#allocate = allocate
    this.#chunkBytes = bytes / leastChunks
    this.#chunks = [this.#newChunk(this.#chunkBytes)]
  }

  /** Room for a batch of records that are not large, or of `least` bytes; it begins at a multiple of 8. */
  room(least: number = leastRoom): Uint8Array {
    let last = this.#last
    if (last.bytes.length - last.used < least) {
      // An empty one among the others would have no first number, and `find` looks for that.
      if (last.batches.length === 0) this.#chunks.pop()
      last = this.#next(least)
      this.#chunks.push(last)
    }
    return last.bytes.subarray(last.used, last.used + Math.max(least, batchRoom))
  }

  /** Keeps a batch, which was built in the room last given. */
  keep(batch: Batch): void {
    const last = this.#last
    last.batches.push(batch)
    last.used += batch.bytes.length
  }

  /** The written batch that holds `seq`, if it is still here. */
  find(seq: number): Batch | undefined {
    const chunk = lastFrom(this.#chunks, seq, firstSeq)
    const batch = chunk && lastFrom(chunk.batches, seq, baseSeq)
    return batch !== undefined && batch.written && seq < batch.nextSeq ? batch : undefined
  }

  get #last(): Chunk {
    const last = this.#chunks.at(-1)
    if (last === undefined) throw new Error('an arena has at least one chunk')
    return last
  }

  /** A chunk with nothing in it: the oldest if it can be used again. */
  #next(least: number): Chunk {
    const chunks = this.#chunks
    const oldest = chunks.length >= leastChunks && this.#isFree(chunks[0]) ? chunks.shift() : undefined
    if (chunks.length > mostChunks && this.#isFree(chunks[mostChunks >> 1])) chunks.shift()
    if (oldest?.bytes.length === this.#chunkBytes && least <= this.#chunkBytes)
      return { bytes: oldest.bytes, batches: [], used: 0 }
    return this.#newChunk(Math.max(least, this.#chunkBytes))
  }

  /** Batches are written in their order: the last tells of all. */
  #isFree(chunk: Chunk | undefined): boolean {
    const last = chunk?.batches.at(-1)
    return last === undefined || (last.written && last.nextSeq <= this.heldFrom)
  }

  #newChunk(bytes: number): Chunk {
    return { bytes: this.#allocate(bytes), batches: [], used: 0 }
  }
}

function baseSeq(batch: Batch): number {
  return batch.baseSeq
}

function firstSeq({ batches }: Chunk): number {
  return batches[0]?.baseSeq ?? Number.POSITIVE_INFINITY
}

/** The last of them that begins at `seq` or before; they are in order. */
function lastFrom<T>(items: readonly T[], seq: number, begin: (item: T) => number): T | undefined {
  let [low, high] = [0, items.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const item = items[middle]
    if (item !== undefined && begin(item) <= seq) low = middle + 1
    else high = middle
  }
  return items[low - 1]
}
