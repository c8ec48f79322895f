import process from 'node:process'
import { exitCode } from './exit-code.ts'

/** Ctrl-C, SIGTERM and `--timeout` while a command runs: the first abort `signal`, a second signal ends the process at once. */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController()
  readonly #onSignal = (): void => {
    if (this.#controller.signal.aborted) process.exit(exitCode.interrupted)
    this.#controller.abort()
  }

  readonly #timer: ReturnType<typeof setTimeout> | undefined
  #timedOut = false

  constructor(timeoutSeconds?: number) {
    if (timeoutSeconds !== undefined)
      this.#timer = setTimeout(() => {
        this.#timedOut = true
        this.#controller.abort()
      }, timeoutSeconds * 1000)
    process.on('SIGINT', this.#onSignal)
    process.on('SIGTERM', this.#onSignal)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The exit code if it was interrupted, else undefined. */
  get exitCode(): number | undefined {
    if (!this.signal.aborted) return undefined
    return this.#timedOut ? exitCode.timeout : exitCode.interrupted
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    process.off('SIGINT', this.#onSignal)
    process.off('SIGTERM', this.#onSignal)
  }
}
