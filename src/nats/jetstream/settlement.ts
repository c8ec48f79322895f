import type { Msg } from '@nats-io/nats-core'
import type { Parcel } from './courier.ts'

const encoder = new TextEncoder()

/** What the server understands about a delivery. */
export const words: { readonly ack: Uint8Array; readonly nak: Uint8Array; readonly working: Uint8Array } = {
  ack: encoder.encode('+ACK'),
  nak: encoder.encode('-NAK'),
  working: encoder.encode('+WPI'),
}

/** What the server can count, in nanoseconds: 285 years. */
const longestDelayMs = 9e12

/** Not before so many milliseconds. */
export function nakAfter(delayMs: number): Uint8Array {
  if (delayMs === 0) return words.nak
  return encoder.encode(`-NAK {"delay": ${Math.round(Math.min(delayMs, longestDelayMs) * 1e6)}}`)
}

/** Tells the server what became of a delivery, until it confirms it or the deadline of the delivery has passed. */
export class Settlement implements Parcel {
  readonly subject: string
  readonly bytes: Uint8Array
  readonly headers = undefined
  readonly deadlineAt: number
  readonly confirmed: Promise<boolean>
  resendAt = 0
  tries = 0
  token = ''
  #resolve!: (confirmed: boolean) => void // assigned by the promise's executor
  readonly #over: (confirmed: boolean) => boolean

  /** `over` is told whether the server confirmed, and says what the promise shall say. */
  constructor(subject: string, bytes: Uint8Array, deadlineAt: number, over: (confirmed: boolean) => boolean) {
    this.subject = subject
    this.bytes = bytes
    this.deadlineAt = deadlineAt
    this.#over = over
    this.confirmed = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  /** A consumer answers with nothing; that nobody answers means that the consumer is gone. */
  answered(answer: Msg): boolean {
    this.#resolve(this.#over(answer.data.length > 0 || answer.headers?.code !== 503))
    return true
  }

  expired(): void {
    this.#resolve(this.#over(false))
  }

  refused(_error: unknown): void {
    this.expired()
  }
}
