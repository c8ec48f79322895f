import { setImmediate } from 'node:timers/promises'

/**
 * Runs async actors so that the order in which they go on is chosen at random, from a seed: an actor that pauses goes on
 * only when it is chosen, after everything else has come to rest.
 */
export class Interleaver {
  readonly #random: () => number
  readonly #paused: (() => void)[] = []
  readonly #failures: unknown[] = []
  #running = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T // callers give at least one
  }

  /** Settles when the actor is chosen to go on. */
  pause(): Promise<void> {
    return new Promise((resolve) => this.#paused.push(resolve))
  }

  /** Starts an actor; what it throws makes `run` reject. */
  start(actor: () => Promise<void>): void {
    this.#running++
    void actor()
      .catch((error: unknown) => this.#failures.push(error))
      .finally(() => this.#running--)
  }

  /** Lets chosen actors go on, one at a time, until all have ended. `rested` runs between; `nudge` when none is paused. */
  async run(rested: () => void, nudge: () => void): Promise<void> {
    let nudges = 0
    while (this.#running > 0) {
      await setImmediate()
      rested()
      if (this.#failures.length > 0) throw this.#failures[0]
      if (this.#paused.length > 0) {
        this.#paused.splice(this.below(this.#paused.length), 1)[0]?.()
      } else if (this.#running > 0) {
        if (++nudges > 100) throw new Error(`${this.#running} actors wait for something that never comes`)
        nudge()
      }
    }
    await setImmediate()
    rested()
    if (this.#failures.length > 0) throw this.#failures[0]
  }
}
