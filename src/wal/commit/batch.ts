const none: readonly Waiter[] = []

/** One batch on its way from memory to the disk. */
export class Batch {
  readonly baseSeq: number
  readonly count: number
  readonly timeMs: number
  readonly bytes: Uint8Array
  /** The segment it belongs to, by its first sequence number, and where it begins in that file. */
  readonly segment: number
  readonly position: number
  /** Of that segment. */
  readonly salt: number
  /** Somebody asked for it to be durable. */
  readonly sync: boolean
  /** It is in the file, as durable as was asked: readers may see it, and its memory may be used again. */
  written = false
  #waiters: readonly Waiter[]

  constructor(
    bytes: Uint8Array,
    what: Pick<Batch, 'baseSeq' | 'count' | 'timeMs' | 'segment' | 'position' | 'salt' | 'sync'>,
    waiters: readonly Waiter[],
  ) {
    this.bytes = bytes
    this.baseSeq = what.baseSeq
    this.count = what.count
    this.timeMs = what.timeMs
    this.segment = what.segment
    this.position = what.position
    this.salt = what.salt
    this.sync = what.sync
    this.#waiters = waiters
  }

  /** Those who wait for it, once: a batch lives on in memory when they have long gone. */
  takeWaiters(): readonly Waiter[] {
    const waiters = this.#waiters
    this.#waiters = none
    return waiters
  }

  /** How many wait for it. */
  get waiting(): number {
    return this.#waiters.length
  }

  get nextSeq(): number {
    return this.baseSeq + this.count
  }
}

/** Who waits for a record to be stored. Exactly one of the two is called, once. */
export interface Waiter {
  stored(): void
  failed(stored: 'no' | 'unknown', cause: unknown): void
}

/** Adds bytes to a list of stretches of memory; what stands right behind the last stretch makes that one longer. */
export function addPart(parts: Uint8Array[], bytes: Uint8Array): void {
  const last = parts.at(-1)
  if (
    last !== undefined &&
    bytes.buffer === last.buffer &&
    bytes.byteOffset === last.byteOffset + last.length
  )
    parts[parts.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + bytes.length)
  else parts.push(bytes)
}

/** A batch without bytes, whose only purpose is that somebody hears when its job is done. */
export function noticeTo(waiter: Waiter): Batch {
  const nothing = { baseSeq: 0, count: 0, timeMs: 0, segment: 0, position: 0, salt: 0, sync: true }
  return new Batch(new Uint8Array(0), nothing, [waiter])
}
