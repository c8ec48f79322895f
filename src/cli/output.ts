import process from 'node:process'

/** Writes results to stdout and waits while whoever reads them is slower. */
export class Output {
  #full: Promise<void> | undefined

  /** Resolves when there is room for more; undefined when there is room now. */
  write(text: string | Uint8Array): Promise<void> | undefined {
    if (process.stdout.write(text)) return undefined
    this.#full ??= new Promise((resolve) => {
      process.stdout.once('drain', () => {
        this.#full = undefined
        resolve()
      })
    })
    return this.#full
  }
}
