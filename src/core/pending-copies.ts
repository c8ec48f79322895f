import type { DropReason } from './contract.ts'
import type { SpillCounts } from './ledger.ts'
import type { Host } from './mailbox.ts'
import { Measure } from './measure.ts'
import type { Message } from './message.ts'
import { RingBuffer } from './ring-buffer.ts'
import type { MailboxSettings } from './settings.ts'

const nothing: readonly Message[] = Object.freeze([])

/** What a private mailbox holds, oldest first, and whether more fits: by count, and by bytes where they are limited. */
export class PendingCopies {
  readonly #settings: MailboxSettings
  readonly #host: Host
  /** What it held when it left the ring. Others that left at the same place share the array: it is never changed. */
  #front: readonly Message[]
  #frontAt = 0
  #queue = new RingBuffer<Message>()
  /** Only where sizes or keys matter; such a mailbox never was in the ring, so its front is empty. */
  measure: Measure | undefined

  constructor(settings: MailboxSettings, front: readonly Message[], host: Host) {
    this.#settings = settings
    this.#host = host
    this.#front = front
    const measured = settings.sizeOf !== undefined || settings.key !== undefined
    this.measure = measured ? new Measure(settings, host) : undefined
  }

  /** The same copies, to be taken independently. */
  clone(): PendingCopies {
    const copy = new PendingCopies(this.#settings, this.#front, this.#host)
    copy.#frontAt = this.#frontAt
    copy.#queue = this.#queue.clone()
    copy.measure = this.measure?.clone()
    return copy
  }

  /** True when only the number of copies decides whether more fits. */
  get plain(): boolean {
    return this.measure === undefined
  }

  /** What of it is on the disk, of a mailbox that spills. */
  get spill(): SpillCounts | undefined {
    return undefined
  }

  get count(): number {
    return this.#front.length - this.#frontAt + this.#queue.size
  }

  fits(message: Message): boolean {
    if (this.count >= this.#settings.capacity) return false
    const { measure } = this
    return measure === undefined || measure.bytes + measure.sizeOf(message) <= this.#settings.capacityBytes
  }

  /** Why not even an empty mailbox could hold it; undefined when it could. */
  impossible(message: Message): DropReason | undefined {
    const { measure } = this
    return measure !== undefined && measure.sizeOf(message) > this.#settings.capacityBytes
      ? 'too-large'
      : undefined
  }

  push(message: Message): void {
    this.measure?.accepted(message)
    this.#queue.push(message)
  }

  shift(): Message | undefined {
    if (this.#front.length > 0) return this.#shiftFront()
    const message = this.#queue.shift()
    if (message !== undefined) this.measure?.taken()
    return message
  }

  shiftMany(max: number): Message[] {
    const messages: Message[] = []
    while (this.#front.length > 0 && messages.length < max) messages.push(this.#shiftFront())
    const before = messages.length
    this.#queue.shiftInto(messages, max - before)
    if (this.measure !== undefined) for (let n = messages.length - before; n > 0; n--) this.measure.taken()
    return messages
  }

  /** Puts the message in the place of the one with the same key and returns that one; undefined when there is none. */
  supersede(message: Message): Message | undefined {
    if (this.measure === undefined || this.#settings.key === undefined) return undefined
    const index = this.measure.indexOfKey(message)
    if (index < 0) return undefined
    const old = this.#queue.at(index)
    this.#queue.set(index, message)
    this.measure.replaced(index, message)
    return old
  }

  /** Lets go of everything it holds outside of memory, which by then is nothing that anybody will take. */
  end(): void {}

  /** True when replacing a copy by a larger one has filled it beyond its bytes. */
  get overfull(): boolean {
    return this.measure !== undefined && this.measure.bytes > this.#settings.capacityBytes
  }

  #shiftFront(): Message {
    const message = this.#front[this.#frontAt++] as Message // callers ask only while the front has more
    if (this.#frontAt === this.#front.length) {
      this.#front = nothing
      this.#frontAt = 0
    }
    return message
  }
}
