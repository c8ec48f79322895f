import process from 'node:process'
import { exitCode } from './exit-code.ts'

/** Ctrl-C and SIGTERM while a command runs: the first aborts `signal`, the second ends the process at once. */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController()
  readonly #onSignal = (): void => {
    if (this.#controller.signal.aborted) process.exit(exitCode.interrupted)
    this.#controller.abort()
  }

  constructor() {
    process.on('SIGINT', this.#onSignal)
    process.on('SIGTERM', this.#onSignal)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#onSignal)
    process.off('SIGTERM', this.#onSignal)
  }
}
