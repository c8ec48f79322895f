import type { Clock } from './clock.ts'
import type { DrainOptions } from './contract.ts'
import { defaultTimeoutMs, duration } from './settings.ts'

/** One drain: settled by whoever ends what is drained, at the latest by `giveUp`, which its deadline calls. */
export class Drain {
  /** Resolves when it is over. */
  readonly promise: Promise<void>
  readonly #cancel: () => void
  #resolve!: () => void // assigned by the promise's executor, which runs synchronously

  /** Throws `InvalidOptionError` before any effect. */
  constructor(options: DrainOptions | undefined, clock: Clock, giveUp: () => void) {
    const timeoutMs = duration('timeoutMs', options?.timeoutMs, defaultTimeoutMs)
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#cancel = clock.schedule(giveUp, timeoutMs)
  }

  settle(): void {
    this.#cancel()
    this.#resolve()
  }
}
