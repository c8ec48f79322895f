/** Mean age of what arrived lately: in the last tenth of a run, in constant memory. */
export class AgeMeter {
  readonly #bucketSeconds: number
  readonly #sums: number[] = []
  readonly #counts: number[] = []

  constructor(runSeconds: number) {
    this.#bucketSeconds = runSeconds / buckets
  }

  add(ageMs: number, seconds: number): void {
    const at = Math.min(buckets - 1, Math.max(0, Math.floor(seconds / this.#bucketSeconds)))
    this.#sums[at] = (this.#sums[at] ?? 0) + ageMs
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
  }

  /** Mean of the last tenth of the arrivals, give or take a hundredth of the run, in seconds; undefined if none. */
  get seconds(): number | undefined {
    const total = this.#counts.reduce((sum, one) => sum + (one ?? 0), 0)
    let [sum, counted] = [0, 0]
    for (let at = buckets - 1; at >= 0 && counted < total / 10; at--) {
      sum += this.#sums[at] ?? 0
      counted += this.#counts[at] ?? 0
    }
    return counted === 0 ? undefined : sum / counted / 1000
  }
}

const buckets = 100
