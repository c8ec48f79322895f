import type { MsgHdrs } from '@nats-io/nats-core'
import type { Clock } from '../core/clock.ts'
import type { Receipt } from '../core/contract.ts'
import type { TransportBooks } from '../remote/transport-books.ts'
import type { OutageLimits } from './contract.ts'
import { DisconnectedError } from '../remote/errors.ts'

/** A message ready to be handed to the client. */
export interface Parcel {
  readonly topic: string
  readonly bytes: Uint8Array
  readonly headers: MsgHdrs | undefined
  /** Of its body and headers. */
  readonly size: number
}

interface Kept {
  readonly parcel: Parcel
  readonly until: number
  readonly resolve: (receipt: Promise<Receipt>) => void
  readonly reject: (reason: unknown) => void
  /** Forgets the signal. */
  readonly release: () => void
}

/** What is published while the server is away: kept in order, within limits, and no longer than its publishers wait. */
export class Outage {
  readonly #limits: Required<OutageLimits>
  readonly #clock: Clock
  readonly #books: TransportBooks
  readonly #kept = new Set<Kept>()
  #bytes = 0
  #cancel: (() => void) | undefined

  constructor(limits: Required<OutageLimits>, clock: Clock, books: TransportBooks) {
    this.#limits = limits
    this.#clock = clock
    this.#books = books
  }

  /** Keeps the message until `release`. Its publisher's bytes are copied: they may be written to again before. */
  keep({ bytes, headers, size, topic }: Parcel, signal: AbortSignal | undefined): Promise<Receipt> {
    const limits = this.#limits
    if (this.#kept.size >= limits.messages || this.#bytes + size > limits.bytes) {
      const held = `${this.#kept.size} messages of ${this.#bytes} bytes`
      return Promise.reject(
        new DisconnectedError(topic, `the server is away and the buffer is full with ${held}`),
      )
    }
    this.#books.send()
    return new Promise((resolve, reject) => {
      const abort = (): void => this.#giveUp(kept, signal?.reason)
      const kept: Kept = {
        parcel: { topic, bytes: bytes.slice(), headers, size },
        until: this.#clock.now() + limits.timeoutMs,
        resolve,
        reject,
        release: () => signal?.removeEventListener('abort', abort),
      }
      signal?.addEventListener('abort', abort)
      this.#kept.add(kept)
      this.#bytes += size
      this.#cancel ??= this.#clock.schedule(() => this.#expire(), limits.timeoutMs)
    })
  }

  /** The server is back: hands over everything in order. What `hand` rejects with is the publisher's. */
  release(hand: (parcel: Parcel) => Promise<Receipt>): void {
    for (const kept of this.#kept) {
      this.#remove(kept)
      kept.resolve(hand(kept.parcel))
    }
  }

  /** Gives everything up: nothing will be sent. */
  end(refusal: (topic: string) => Error): void {
    for (const kept of this.#kept) this.#giveUp(kept, refusal(kept.parcel.topic))
  }

  #expire(): void {
    this.#cancel = undefined
    const now = this.#clock.now()
    for (const kept of this.#kept) {
      const leftMs = kept.until - now
      if (leftMs > 0) {
        this.#cancel = this.#clock.schedule(() => this.#expire(), leftMs)
        return
      }
      const why = `the server has been away for ${this.#limits.timeoutMs} ms`
      this.#giveUp(kept, new DisconnectedError(kept.parcel.topic, why))
    }
  }

  #giveUp(kept: Kept, reason: unknown): void {
    this.#remove(kept)
    this.#books.settle('failed')
    kept.reject(reason)
  }

  #remove(kept: Kept): void {
    kept.release()
    this.#kept.delete(kept)
    this.#bytes -= kept.parcel.size
    if (this.#kept.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }
}
