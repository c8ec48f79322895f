import type { Batch } from './batch.ts'

/**
 * A batch gets this much room: whoever wants one record has to check the whole batch it is in, and a larger one would
 * be written no faster, because batches that stand side by side are written together.
 */
export const batchRoom: number = 64 * 1024
const leastRoom = 16 * 1024
/** Room for a record that is larger is taken from here as long as it leaves room for others. */
export const mostRoom: number = 256 * 1024

/**
 * The memory batches are built in: a ring that is written round and round. A batch stays readable after it has been
 * written, until the ring comes round to it: the newest part of the log is read from here.
 */
export class Arena {
  readonly #bytes: Uint8Array
  #head = 0
  #batches: Batch[] = []
  /** Index of the oldest batch still here, and of the oldest that is not written yet. */
  #oldest = 0
  #unwritten = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Where the room last given begins. */
  get head(): number {
    return this.#head
  }

  /** Room of `least` to `most` bytes for the next batch, or undefined when batches that are not written take all of it. */
  room(least: number = leastRoom, most: number = batchRoom): Uint8Array | undefined {
    const first = this.#firstUnwritten()?.arenaAt
    let end = first !== undefined && first >= this.#head ? first : this.#bytes.length
    if (end - this.#head < least) {
      if (first !== undefined && (first >= this.#head || first < least)) return undefined
      this.#head = 0
      end = first ?? this.#bytes.length
    }
    end = Math.min(end, this.#head + most)
    this.#forget(this.#head, end)
    return this.#bytes.subarray(this.#head, end)
  }

  /** Keeps a batch, which was built in the room last given or in memory of its own. */
  keep(batch: Batch): void {
    this.#batches.push(batch)
    if (batch.arenaAt >= 0) this.#head = batch.arenaAt + batch.bytes.length
  }

  /** The written batch that holds `seq`, if it is still here. */
  find(seq: number): Batch | undefined {
    let [low, high] = [this.#oldest, this.#batches.length - 1]
    while (low <= high) {
      const middle = (low + high) >>> 1
      const batch = this.#batches[middle]
      if (batch === undefined || batch.baseSeq > seq) high = middle - 1
      else if (batch.nextSeq <= seq) low = middle + 1
      else return batch.written ? batch : undefined
    }
    return undefined
  }

  #firstUnwritten(): Batch | undefined {
    for (
      let batch = this.#batches[this.#unwritten];
      batch !== undefined;
      batch = this.#batches[this.#unwritten]
    ) {
      if (!batch.written && batch.arenaAt >= 0) return batch
      this.#unwritten++
    }
    return undefined
  }

  /** Everything that stands between `from` and `to` will be overwritten. */
  #forget(from: number, to: number): void {
    for (let batch = this.#batches[this.#oldest]; batch !== undefined; batch = this.#batches[this.#oldest]) {
      const { arenaAt, bytes, written } = batch
      const overlaps = arenaAt < 0 || (arenaAt < to && arenaAt + bytes.length > from)
      if (!written || !overlaps) break
      this.#oldest++
    }
    if (this.#oldest > 1024 && this.#oldest * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#oldest)
      this.#unwritten = Math.max(0, this.#unwritten - this.#oldest)
      this.#oldest = 0
    }
  }
}
