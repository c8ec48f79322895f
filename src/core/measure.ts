import { InvalidOptionError } from './errors.ts'
import type { Host } from './mailbox.ts'
import type { Message } from './message.ts'
import { RingBuffer } from './ring-buffer.ts'
import type { MailboxSettings } from './settings.ts'

/**
 * Knows the bytes and the keys of the copies in one mailbox, in step with its queue. Asks the user's functions once
 * per message and answers for them when they fail: an unknown size does not fit, an unknown key is nobody else's.
 */
export class Measure {
  /** Σ of the sizes of the copies inside. */
  bytes = 0
  readonly #settings: MailboxSettings
  readonly #host: Host
  #sizes = new RingBuffer<number>()
  #keys = new RingBuffer<unknown>()
  /** Key → how many copies had been accepted before the one that has it. */
  #byKey = new Map<unknown, number>()
  #taken = 0
  /** The message that the user's functions were asked about last, and what they said. */
  #asked: Message | undefined
  #askedSize = 0
  #askedKey: unknown

  constructor(settings: MailboxSettings, host: Host) {
    this.#settings = settings
    this.#host = host
  }

  /** The same knowledge, for a copy of the queue. */
  clone(): Measure {
    const copy = new Measure(this.#settings, this.#host)
    copy.bytes = this.bytes
    copy.#sizes = this.#sizes.clone()
    copy.#keys = this.#keys.clone()
    copy.#byKey = new Map(this.#byKey)
    copy.#taken = this.#taken
    return copy
  }

  sizeOf(message: Message): number {
    this.#ask(message)
    return this.#askedSize
  }

  /** The place in the queue of the copy with the same key; -1 when there is none. */
  indexOfKey(message: Message): number {
    this.#ask(message)
    const ordinal = this.#byKey.get(this.#askedKey)
    return ordinal === undefined ? -1 : ordinal - this.#taken
  }

  accepted(message: Message): void {
    this.#ask(message)
    this.bytes += this.#askedSize
    this.#byKey.set(this.#askedKey, this.#taken + this.#sizes.size)
    this.#sizes.push(this.#askedSize)
    this.#keys.push(this.#askedKey)
  }

  replaced(index: number, message: Message): void {
    this.#ask(message)
    this.bytes += this.#askedSize - (this.#sizes.at(index) ?? 0)
    this.#sizes.set(index, this.#askedSize)
  }

  taken(): void {
    const key = this.#keys.shift()
    if (this.#byKey.get(key) === this.#taken) this.#byKey.delete(key)
    this.bytes -= this.#sizes.shift() ?? 0
    this.#taken++
    if (this.#sizes.size === 0) this.#forget()
  }

  /** An empty mailbox must keep no message alive, nor its key, and weighs nothing. */
  #forget(): void {
    this.#asked = undefined
    this.#askedKey = undefined
    this.bytes = 0 // fractions do not add up to exactly nothing
  }

  #ask(message: Message): void {
    if (this.#asked === message) return
    this.#asked = message
    this.#askedSize = this.#size(message)
    this.#askedKey = this.#key(message)
  }

  #size(message: Message): number {
    const { sizeOf } = this.#settings
    if (sizeOf === undefined) return 0
    try {
      const size = sizeOf(message)
      if (Number.isFinite(size) && size >= 0) return size
      throw new InvalidOptionError('sizeOf', size, 'It must return a finite number of bytes ≥ 0.')
    } catch (error) {
      this.#failed('sizeOf', error)
      return Number.POSITIVE_INFINITY
    }
  }

  #key(message: Message): unknown {
    const { key } = this.#settings
    if (key === undefined) return message
    try {
      return key(message)
    } catch (error) {
      this.#failed('key', error)
      return message
    }
  }

  #failed(callback: string, error: unknown): void {
    const { observers, reports } = this.#host
    reports.add(() => observers.reportFailure(callback, error))
  }
}
