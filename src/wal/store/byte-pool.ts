/** How much is copied at once; one value that is kept keeps so much. */
const sliceBytes = 32 * 1024
/** Longer values get memory of their own. */
const longestShared = 4 * 1024

/**
 * Copies values out of memory that will be written to again. Those that stand close to each other are copied together,
 * and each is a view of the copy: an allocation and a copy for each would cost three times as much as the view.
 */
export class BytePool {
  #source: Uint8Array | undefined
  #end = 0
  /** What of the source has been copied. */
  #from = 0
  #to = 0
  #copy: ArrayBufferLike = new ArrayBuffer(0)

  /** Values up to `end` of `source` will be asked for, and the source stays as it is until the caller begins anew. */
  begin(source: Uint8Array, end: number): void {
    this.#source = source
    this.#end = end
    this.#to = 0
  }

  /** The bytes from `from` to `to`, which nobody else will write to. */
  copy(source: Uint8Array, from: number, to: number): Uint8Array {
    const length = to - from
    if (source !== this.#source || length > longestShared) return new Uint8Array(source.subarray(from, to))
    if (to > this.#to || from < this.#from) this.#load(source, from)
    return new Uint8Array(this.#copy, from - this.#from, length)
  }

  #load(source: Uint8Array, from: number): void {
    this.#from = from
    this.#to = Math.min(this.#end, from + sliceBytes)
    const copy = Buffer.allocUnsafeSlow(this.#to - from)
    copy.set(source.subarray(from, this.#to))
    this.#copy = copy.buffer
  }
}
