import type { Msg, MsgHdrs } from '@nats-io/nats-core'
import type { JetStreamReceipt } from './contract.ts'
import type { Parcel } from './courier.ts'

/** Who hears what becomes of a message. */
export interface SendingOwner {
  answered(sending: Sending, answer: Msg): boolean
  expired(sending: Sending): void
  refused(sending: Sending, error: unknown): void
  abandon(sending: Sending, reason: unknown): void
}

/** A message as it travels. */
export interface Letter {
  readonly topic: string
  readonly bytes: Uint8Array
  readonly headers: MsgHdrs | undefined
  /** With its headers. */
  readonly size: number
}

/** A message on its way to its stream, and the publish that waits for it. */
export class Sending implements Parcel {
  readonly subject: string
  readonly bytes: Uint8Array
  readonly headers: MsgHdrs | undefined
  readonly size: number
  readonly deadlineAt: number
  readonly promise: Promise<JetStreamReceipt>
  resendAt = 0
  tries = 0
  token = ''
  place: 'line' | 'window' | 'settled' = 'line'
  readonly #owner: SendingOwner
  #resolve!: (receipt: JetStreamReceipt) => void // assigned by the promise's executor
  #reject!: (error: unknown) => void
  #unwatch: (() => void) | undefined
  #whenSettled: (() => void)[] | undefined

  constructor(owner: SendingOwner, { bytes, headers, size, topic }: Letter, deadlineAt: number) {
    this.#owner = owner
    this.subject = topic
    this.bytes = bytes
    this.headers = headers
    this.size = size
    this.deadlineAt = deadlineAt
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Gives up when the signal aborts. */
  watch(signal: AbortSignal): void {
    const abort = (): void => this.#owner.abandon(this, signal.reason)
    signal.addEventListener('abort', abort)
    this.#unwatch = () => signal.removeEventListener('abort', abort)
  }

  answered(answer: Msg): boolean {
    return this.#owner.answered(this, answer)
  }

  expired(): void {
    this.#owner.expired(this)
  }

  refused(error: unknown): void {
    this.#owner.refused(this, error)
  }

  /** Resolves when its publish has, or has rejected: that is still for the publisher to hear, and for nobody else. */
  settled(): Promise<void> {
    return new Promise((resolve) => (this.#whenSettled ??= []).push(resolve))
  }

  resolve(receipt: JetStreamReceipt): void {
    this.#resolve(receipt)
    this.#end()
  }

  reject(error: unknown): void {
    this.#reject(error)
    this.#end()
  }

  #end(): void {
    this.#unwatch?.()
    for (const tell of this.#whenSettled ?? []) tell()
  }
}
