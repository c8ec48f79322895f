import type { Clock } from '../core/clock.ts'
import type { TopicLog } from './topic-log.ts'

/** A sweep comes at most so many times while a record grows old. */
const sweepsPerAge = 16

/** Evicts records that have reached their age while nothing is appended. One timer serves a whole log. */
export class AgeSweep {
  readonly #clock: Clock
  /** Topics that hold records which age. */
  readonly #topics = new Set<TopicLog>()
  #last: number
  #passed = 0
  #cancel: (() => void) | undefined
  /** When the sweep that is scheduled will come. */
  #due: number = Number.POSITIVE_INFINITY
  #stopped = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#last = clock.now()
  }

  /** Milliseconds that have passed. When the clock is set back time stands still for a moment; it never runs backwards. */
  now(): number {
    const now = this.#clock.now()
    if (now > this.#last) this.#passed += now - this.#last
    this.#last = now
    return this.#passed
  }

  /** The topic has got a record that was born `now`. */
  watch(topic: TopicLog, now: number): void {
    if (this.#topics.has(topic)) return
    this.#topics.add(topic)
    this.#schedule(now + topic.limits.ageMs, now)
  }

  stop(): void {
    this.#stopped = true
    this.#clear()
  }

  #run(): void {
    const now = this.now()
    let due = Number.POSITIVE_INFINITY
    let pause = Number.POSITIVE_INFINITY
    for (const topic of this.#topics) {
      const next = topic.evictAged(now)
      if (next === Number.POSITIVE_INFINITY) this.#topics.delete(topic)
      due = Math.min(due, next)
      pause = Math.min(pause, topic.limits.ageMs / sweepsPerAge)
    }
    if (due === Number.POSITIVE_INFINITY) this.#clear()
    else this.#schedule(Math.max(due, now + pause), now)
  }

  #schedule(due: number, now: number): void {
    if (this.#stopped || (due >= this.#due && this.#due > now)) return
    this.#clear()
    this.#due = due
    this.#cancel = this.#clock.schedule(
      () => {
        this.#cancel = undefined
        this.#due = Number.POSITIVE_INFINITY
        this.#run()
      },
      due - now,
      true,
    )
  }

  #clear(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#due = Number.POSITIVE_INFINITY
  }
}
