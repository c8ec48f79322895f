import type { Receipt } from '../core/contract.ts'
import { RingBuffer } from '../core/ring-buffer.ts'

/** What every publish that need not wait resolves with: no allocation. */
export const accepted: Promise<Receipt> = Promise.resolve(
  Object.freeze({ level: 'accepted', routed: true } as const),
)

interface Waiter {
  /** How many of all bytes ever handed over the server must have read. */
  readonly position: number
  readonly since: number
  readonly topic: string
  readonly resolve: (receipt: Promise<Receipt>) => void
  readonly reject: (reason: unknown) => void
  readonly release: () => void
}

/** Publishers whose messages are handed over, and who wait because the server reads more slowly than they publish. */
export class Room {
  readonly #waiters = new RingBuffer<Waiter>()

  wait(topic: string, position: number, since: number, signal: AbortSignal | undefined): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal?.reason)
      signal?.addEventListener('abort', abort, { once: true })
      const release = (): void => signal?.removeEventListener('abort', abort)
      this.#waiters.push({ position, since, topic, resolve, reject, release })
    })
  }

  /** The server has read so many bytes. */
  admit(position: number): void {
    for (;;) {
      const next = this.#waiters.at(0)
      if (next === undefined || next.position > position) return
      this.#waiters.shift()
      next.release()
      next.resolve(accepted)
    }
  }

  /** What they have handed over may be lost. */
  dismiss(refusal: (topic: string, since: number) => Error): void {
    for (let next = this.#waiters.shift(); next !== undefined; next = this.#waiters.shift()) {
      next.release()
      next.reject(refusal(next.topic, next.since))
    }
  }
}
