import type { Clock } from '../core/clock.ts'
import type { RateSettings } from './settings.ts'

/** Lets so many through per second, and a burst after a quiet time. */
export class TokenBucket {
  readonly #clock: Clock
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #at: number

  constructor({ burst, perSecond }: RateSettings, clock: Clock) {
    this.#clock = clock
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#tokens = burst
    this.#at = clock.now()
  }

  /** How long until there is a token, in milliseconds; 0 when there is one. */
  get waitMs(): number {
    this.#fill()
    return this.#tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs))
  }

  /** Takes a token. A message that was asked for earlier and comes now may overdraw by one. */
  take(): void {
    this.#fill()
    this.#tokens--
  }

  #fill(): void {
    const now = this.#clock.now()
    // A clock that is set back must not take tokens away.
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#at) * this.#perMs)
    this.#at = now
  }
}
