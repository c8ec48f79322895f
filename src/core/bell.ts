/** Readers that share one promise. Ending one reader wakes the whole bench, so benches stay short. */
class Bench {
  readonly promise: Promise<void>
  seats = 0
  #ring!: () => void // assigned by the promise's executor, which runs synchronously

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#ring = resolve
    })
  }

  ring(): void {
    this.#ring()
  }
}

/** How many readers one promise wakes: more share the cost of the promise, fewer wake for nothing when one leaves. */
const seatsPerBench = 64

/**
 * Wakes readers that found nothing. `wait()` settles when there may be something to read or the reader has ended;
 * a woken reader looks again and may have to wait again.
 */
export class Bell {
  /** True when nobody waits: the publisher's fast check. */
  idle = true
  #benches: Bench[] = []

  wait(): Promise<void> {
    let bench = this.#benches.at(-1)
    if (bench === undefined || bench.seats === seatsPerBench) {
      bench = new Bench()
      this.#benches.push(bench)
    }
    bench.seats++
    this.idle = false
    return bench.promise
  }

  /** Wakes everybody. */
  ringAll(): void {
    const benches = this.#benches
    this.#benches = []
    this.idle = true
    for (const bench of benches) bench.ring()
  }

  /** Wakes those who wait on `promise`, which came from `wait()`: at most 64, one of whom is meant. */
  ringBench(promise: Promise<void>): void {
    const index = this.#benches.findIndex((bench) => bench.promise === promise)
    if (index >= 0) this.#benches.splice(index, 1)[0]?.ring()
    this.idle = this.#benches.length === 0
  }
}

/** Wakes one waiting reader at a time, longest waiting first: what the members of a queue group wait on. */
export class Doorbell {
  #waiting: Bench[] = []
  #next = 0

  get idle(): boolean {
    return this.#next === this.#waiting.length
  }

  wait(): Promise<void> {
    const bench = new Bench()
    this.#waiting.push(bench)
    return bench.promise
  }

  ringOne(): void {
    if (this.idle) return
    const bench = this.#waiting[this.#next++]
    if (this.idle) {
      this.#waiting = []
      this.#next = 0
    }
    bench?.ring()
  }

  ringAll(): void {
    while (!this.idle) this.ringOne()
  }
}
