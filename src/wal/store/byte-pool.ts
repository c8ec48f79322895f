const slabBytes = 32 * 1024
/** Longer values get memory of their own: one of them kept for long shall not keep a slab. */
const longestPooled = 4 * 1024
/** Up to here copying byte by byte is faster than making a view of the source first. */
const longestByHand = 128

/** Copies small pieces of memory: an allocation for each would cost five times as much as copying it. */
export class BytePool {
  #slab: Uint8Array = new Uint8Array(0)
  #at = 0

  /** A copy of `from` to `to` that nobody else will write to. */
  copy(buffer: Uint8Array, from: number, to: number): Uint8Array {
    const length = to - from
    if (length > longestPooled) return new Uint8Array(buffer.subarray(from, to))
    if (this.#at + length > this.#slab.length) {
      this.#slab = new Uint8Array(slabBytes)
      this.#at = 0
    }
    const [slab, at] = [this.#slab, this.#at]
    this.#at = at + length
    if (length > longestByHand) slab.set(buffer.subarray(from, to), at)
    else for (let index = 0; index < length; index++) slab[at + index] = buffer[from + index] ?? 0
    return new Uint8Array(slab.buffer, at, length)
  }
}
