import type { TransportCounts } from '../core/ledger.ts'

/** What can become of a message that was sent. */
export type Fate = 'confirmed' | 'failed' | 'unknown'

/** The books of what a broker sends to its server. */
export class TransportBooks {
  #sent = 0
  readonly #fates: Record<Fate, number> = { confirmed: 0, failed: 0, unknown: 0 }

  /** A message is on its way; `settle` says once what became of it, of several at once with `count`. */
  send(): void {
    this.#sent++
  }

  settle(fate: Fate, count = 1): void {
    this.#fates[fate] += count
  }

  get waiting(): number {
    const { confirmed, failed, unknown } = this.#fates
    return this.#sent - confirmed - failed - unknown
  }

  get counts(): TransportCounts {
    return { sent: this.#sent, ...this.#fates, waiting: this.waiting }
  }
}
