import type { Clock } from './clock.ts'
import type { Headers, Message } from './message.ts'

/** No headers, shared by every message published without any. */
const noHeaders: Headers = Object.freeze({})

/** What messages published together share: reading the clock costs more than publishing does. */
export class Stamp {
  readonly time: number
  readonly headers: Headers
  /** How many messages carry it. */
  used = 0

  constructor(time: number, headers: Headers) {
    this.time = time
    this.headers = headers
  }
}

/**
 * Ids, for the messages that were given one or asked for theirs. A field in every message would cost each publish
 * more than the few who ask are worth.
 */
const ids = new WeakMap<MemoryMessage, string>()
let idPrefix: string | undefined
let idsMade = 0

/** Gives a message that nobody has seen yet the id its publisher chose. */
export function nameMessage(message: MemoryMessage, id: string): void {
  ids.set(message, id)
}

/** A message of the memory broker: as small as it can be, because every publish makes one. */
export class MemoryMessage implements Message {
  readonly topic: string
  readonly payload: unknown
  readonly #stamp: Stamp

  constructor(topic: string, payload: unknown, stamp: Stamp) {
    this.topic = topic
    this.payload = payload
    this.#stamp = stamp
  }

  get headers(): Headers {
    return this.#stamp.headers
  }

  get time(): number {
    return this.#stamp.time
  }

  get id(): string {
    let id = ids.get(this)
    if (id === undefined) {
      idPrefix ??= globalThis.crypto.randomUUID()
      id = `${idPrefix}-${(idsMade++).toString(36)}`
      ids.set(this, id)
    }
    return id
  }

  /** The five properties of the contract as plain data: for `JSON.stringify`, and to copy a message. */
  toJSON(): Message {
    const { topic, payload, headers, id, time } = this
    return { topic, payload, headers, id, time }
  }
}

/** One reading serves at most so many messages, so that a long synchronous loop still sees time pass. */
const messagesPerReading = 64

const settled: Promise<void> = Promise.resolve()

/** Makes messages: the clock is read anew after 64 of them and in each microtask run, whichever comes first. */
export class MessageFactory {
  readonly #clock: Clock
  #stamp = new Stamp(0, noHeaders)
  #expiring = false
  readonly #expire = (): void => {
    this.#expiring = false
    this.#stamp.used = messagesPerReading
  }

  constructor(clock: Clock) {
    this.#clock = clock
    this.#stamp.used = messagesPerReading
  }

  make(topic: string, payload: unknown): MemoryMessage {
    return new MemoryMessage(topic, payload, this.stamp())
  }

  makeWith(
    topic: string,
    payload: unknown,
    headers: Headers | undefined,
    id: string | undefined,
  ): MemoryMessage {
    const message = new MemoryMessage(topic, payload, this.stampWith(headers))
    if (id !== undefined) nameMessage(message, id)
    return message
  }

  /** For one message without headers. */
  stamp(): Stamp {
    let stamp = this.#stamp
    if (stamp.used === messagesPerReading) stamp = this.#renew()
    stamp.used++
    return stamp
  }

  /** For one message, with the time of now. */
  stampWith(headers: Headers | undefined): Stamp {
    const own = headers === undefined ? noHeaders : Object.freeze({ ...headers })
    return new Stamp(this.#clock.now(), own)
  }

  #renew(): Stamp {
    const stamp = new Stamp(this.#clock.now(), noHeaders)
    this.#stamp = stamp
    if (!this.#expiring) {
      this.#expiring = true
      void settled.then(this.#expire) // cannot reject: it only writes two fields
    }
    return stamp
  }
}
