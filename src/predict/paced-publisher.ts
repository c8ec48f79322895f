import type { TopicPublisher } from '../core/contract.ts'
import { BrokerClosedError, MailboxFullError } from '../core/errors.ts'
import type { PacedConsumer, Tick } from './paced-consumer.ts'
import type { Actor } from './timetable.ts'

/**
 * Publishes at a steady rate. A publish that has to wait holds it up: it goes on when that is settled, and the next
 * message is ready one period later.
 */
export class PacedPublisher implements Actor {
  due: number
  published = 0
  rejected = 0
  readonly #topic: Pick<TopicPublisher<Tick>, 'publish'>
  readonly #perSecond: number
  readonly #now: () => number
  readonly #consumers: readonly PacedConsumer[]
  #until: number
  /** The publishes since this time, in seconds, are due at whole periods after it. */
  #base = 0
  #planned = 0
  #waited = 0
  #waitingSince = 0
  #underWay: Promise<unknown> | undefined
  #failure: { readonly reason: unknown } | undefined
  readonly #onRejected = (reason: unknown): void => {
    if (reason instanceof MailboxFullError) this.rejected++
    else if (!(reason instanceof BrokerClosedError)) this.#failure ??= { reason }
  }

  constructor(
    topic: Pick<TopicPublisher<Tick>, 'publish'>,
    pace: { readonly publishPerSecond: number; readonly seconds: number },
    now: () => number,
    consumers: readonly PacedConsumer[],
  ) {
    this.#topic = topic
    this.#perSecond = pace.publishPerSecond
    this.#until = pace.seconds
    this.#now = now
    this.#consumers = consumers
    this.due = this.#plan()
    for (const consumer of consumers) consumer.releases(this)
  }

  act(): undefined {
    const at = this.due
    for (const consumer of this.#consumers) consumer.look(at)
    const settled = this.#topic
      .publish({ n: this.published++, at: this.#now() })
      .then(undefined, this.#onRejected)
    if (this.#consumers.some((consumer) => consumer.hasWaiter)) {
      this.#underWay = settled
      this.#waitingSince = at
      this.due = Number.POSITIVE_INFINITY
    } else {
      this.due = this.#plan()
    }
  }

  /** Goes on if the publish it waited for has been settled by a poll at `seconds`. */
  resume(seconds: number): Promise<void> | undefined {
    if (this.#underWay === undefined || this.#consumers.some((consumer) => consumer.hasWaiter))
      return undefined
    return this.#underWay.then(() => {
      this.#underWay = undefined
      this.#waited += seconds - this.#waitingSince
      this.#base = seconds
      this.#planned = 0
      this.due = this.#plan()
    })
  }

  /** Publishes nothing more; a publish that waits goes on waiting. */
  stop(): void {
    this.#until = Number.NEGATIVE_INFINITY
    this.due = Number.POSITIVE_INFINITY
  }

  /** How long it has waited up to a time, in seconds. */
  waitedUntil(seconds: number): number {
    return this.#waited + (this.#underWay === undefined ? 0 : Math.max(0, seconds - this.#waitingSince))
  }

  /** Throws what a publish was rejected with, unless a policy did it. */
  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.reason
  }

  #plan(): number {
    const due = this.#base + ++this.#planned / this.#perSecond
    return due > this.#until ? Number.POSITIVE_INFINITY : due
  }
}
