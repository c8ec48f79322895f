/** What a disk writes in one piece: a sector is never half old and half new. */
export const sectorBytes = 512
const pageBytes = 4096

/** A hash in two halves: together 53 bits that a number can hold. */
export interface Hash {
  readonly high: number
  readonly low: number
}

interface Page {
  readonly bytes: Uint8Array
  /** Undefined until somebody asks, and after each change. */
  hash: Hash | undefined
}

const nothing: Hash = { high: 0, low: 0 }

/**
 * The bytes of one file. A fork costs one array of pages and shares them until either side writes. Behind the size
 * everything is zero.
 */
export class Content {
  #size = 0
  /** Behind it everything is zero. */
  #extent = 0
  /** A hole is undefined and reads as zeros. */
  #pages: (Page | undefined)[] = []
  #own: boolean[] = []

  get size(): number {
    return this.#size
  }

  fork(): Content {
    const copy = new Content()
    copy.#size = this.#size
    copy.#extent = this.#extent
    copy.#pages = this.#pages.slice()
    this.#own = []
    return copy
  }

  /** Copies up to `length` bytes at `position` into `into` at `offset`; returns how many there were. */
  read(into: Uint8Array, offset: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.#size - position))
    for (let done = 0; done < count;) {
      const within = (position + done) % pageBytes
      const part = Math.min(count - done, pageBytes - within)
      const page = this.#pages[Math.floor((position + done) / pageBytes)]
      const start = offset + done
      if (page === undefined) into.fill(0, start, start + part)
      else into.set(page.bytes.subarray(within, within + part), start)
      done += part
    }
    return count
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#size)
    this.read(bytes, 0, this.#size, 0)
    return bytes
  }

  /** Whole sectors from `first` on, zeros behind the end. */
  sectors(first: number, count: number): Uint8Array {
    const bytes = new Uint8Array(count * sectorBytes)
    this.read(bytes, 0, bytes.length, first * sectorBytes)
    return bytes
  }

  /** Writes bytes without changing the size: the caller sets it afterwards. */
  put(position: number, bytes: Uint8Array): void {
    this.#extent = Math.max(this.#extent, position + bytes.length)
    for (let done = 0; done < bytes.length;) {
      const within = (position + done) % pageBytes
      const part = Math.min(bytes.length - done, pageBytes - within)
      const whole = part === bytes.length ? bytes : bytes.subarray(done, done + part)
      this.#ownPage(Math.floor((position + done) / pageBytes)).bytes.set(whole, within)
      done += part
    }
  }

  /** Everything from `position` on becomes zero; the size stays. */
  wipe(position: number): void {
    if (this.#extent <= position) return
    const kept = Math.ceil(position / pageBytes)
    if (this.#pages.length > kept) this.#pages.length = kept
    const last = kept - 1
    const within = position - last * pageBytes
    if (within < pageBytes && this.#pages[last] !== undefined) this.#ownPage(last).bytes.fill(0, within)
    this.#extent = position
  }

  /** Sets the size; whatever lies behind it is gone. */
  resize(size: number): void {
    this.#size = size
    this.wipe(size)
  }

  /** Equal contents have equal hashes, however they came about. */
  hash(): Hash {
    let high = Math.imul(this.#size + 1, 0x9e3779b1)
    let low = Math.imul(this.#size + 7, 0x85ebca6b)
    this.#pages.forEach((page, index) => {
      if (page === undefined) return
      page.hash ??= hashOf(page.bytes)
      if (page.hash === nothing) return // or a page of zeros would differ from a hole
      high = (high + Math.imul(page.hash.high ^ Math.imul(index + 1, 0x27d4eb2f), 0x165667b1)) | 0
      low = (low + Math.imul(page.hash.low ^ Math.imul(index + 3, 0xc2b2ae35), 0x9e3779b1)) | 0
    })
    return { high, low }
  }

  #ownPage(index: number): Page {
    const page = this.#pages[index]
    if (page !== undefined && this.#own[index] === true) {
      page.hash = undefined
      return page
    }
    const own = {
      bytes: page === undefined ? new Uint8Array(pageBytes) : page.bytes.slice(),
      hash: undefined,
    }
    while (this.#pages.length < index) this.#pages.push(undefined)
    this.#pages[index] = own
    this.#own[index] = true
    return own
  }
}

function hashOf(page: Uint8Array): Hash {
  const words = new Int32Array(page.buffer, page.byteOffset, page.byteLength / 4)
  let [high, low, any] = [0x2545f491, 0x6c078965, 0]
  for (const word of words) {
    any |= word
    high = (Math.imul((high << 13) | (high >>> 19), 5) + Math.imul(word, 0xcc9e2d51)) | 0
    low = Math.imul(((low << 7) | (low >>> 25)) ^ word, 0x1b873593)
  }
  return any === 0 ? nothing : { high: high ^ (high >>> 15), low: low ^ (low >>> 13) }
}

/** One number for a hash, exact up to 2^53. */
export function hashNumber({ high, low }: Hash): number {
  return (high >>> 0) * 2 ** 21 + (low >>> 11)
}

const textHashes = new Map<string, Hash>()

/** The hash of a short text that comes again and again: a path. */
export function textHash(text: string): Hash {
  const known = textHashes.get(text)
  if (known !== undefined) return known
  let [high, low] = [0x811c9dc5, 0x01000193]
  for (let index = 0; index < text.length; index++) {
    high = Math.imul(high ^ text.charCodeAt(index), 0x01000193)
    low = Math.imul(((low << 5) | (low >>> 27)) ^ text.charCodeAt(index), 0x27d4eb2f)
  }
  const hash = { high, low }
  textHashes.set(text, hash)
  return hash
}
