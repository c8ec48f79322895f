/**
 * Whose turn it is to write: a lock of one word in memory that two threads share. Neither waits for it, so what cannot
 * be done now is left to the other or to later. Whoever has failed keeps it, and the other writes no more.
 */
export class Turn {
  readonly #word: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#word = new Int32Array(memory, 0, 1)
  }

  /** True when nobody had it. */
  take(): boolean {
    return Atomics.compareExchange(this.#word, 0, 0, 1) === 0
  }

  give(): void {
    Atomics.store(this.#word, 0, 0)
  }
}
