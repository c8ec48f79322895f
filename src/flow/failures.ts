import { PayloadInvalidError } from '../core/errors.ts'
import { type DeadLetterPlace, DeadLetters } from './dead-letters.ts'
import { ConsumerStoppedError } from './errors.ts'
import type { Item } from './item.ts'
import type { ConsumerEvents, DeadLetterReason } from './observer.ts'
import { Parking } from './parking.ts'
import type { Reports } from './reports.ts'
import { backOffMs, type FlowSettings } from './settings.ts'

/** What becomes of a message that has failed. */
export interface FailureEvents {
  /** Whether a failed message may still be tried again here. */
  goesOn(item: Item): boolean
  giveBack(item: Item): void
  parked(item: Item): void
  /** A parked one may begin again. */
  due(item: Item): void
  buried(item: Item): void
  discarded(item: Item): void
  /** Dead letters cannot be published at the moment, or can again. */
  failing(failing: boolean): void
  stop(error: ConsumerStoppedError): void
}

/** Decides after every failed attempt: try again later, or give the message up in the way that was chosen. */
export class Failures {
  readonly #settings: FlowSettings
  readonly #reports: Reports
  readonly #events: FailureEvents
  readonly #parking: Parking
  readonly #letters: DeadLetters | undefined

  constructor(
    settings: FlowSettings,
    place: DeadLetterPlace | undefined,
    reports: Reports,
    events: FailureEvents,
  ) {
    const { clock, retry } = settings
    this.#settings = settings
    this.#reports = reports
    this.#events = events
    this.#parking = new Parking(clock, (item) => events.due(item))
    if (place !== undefined) this.#letters = new DeadLetters(place, retry, clock, reports, events)
  }

  /** An attempt has failed. */
  failed(item: Item, error: unknown): void {
    const reason = this.#reasonToEnd(item, error)
    const goesOn = this.#events.goesOn(item)
    const next = goesOn ? this.#nextOf(reason) : 'return'
    const delayMs = next === 'retry' ? backOffMs(this.#settings.retry, item.attempt) : 0
    this.#reports.handlerError({ message: item.message, attempt: item.attempt, error, next, delayMs })
    // Whoever heard of it may have ended the consumer.
    if (!goesOn || !this.#events.goesOn(item)) return this.#events.giveBack(item)
    if (reason !== undefined) return this.#exhaust(item, reason, error)
    this.#events.parked(item)
    this.#parking.park(item, delayMs)
  }

  /** It could not even be tried. */
  unplaced(item: Item, error: unknown): void {
    if (error instanceof PayloadInvalidError) return this.#exhaust(item, 'payload', error)
    this.#reports.emit('callbackError', { callback: 'orderingKey', error })
    this.#exhaust(item, 'ordering-key', error)
  }

  /** Gives all up that waits and returns it. */
  clear(): Item[] {
    return [...this.#parking.clear(), ...(this.#letters?.clear() ?? [])]
  }

  /** Why a message whose attempt has failed is not tried again; undefined when it is. */
  #reasonToEnd(item: Item, error: unknown): DeadLetterReason | undefined {
    const { attempts, when } = this.#settings.retry
    if (error instanceof PayloadInvalidError) return 'payload'
    if (item.attempt >= attempts) return 'attempts'
    try {
      return when === undefined || when(error) ? undefined : 'not-retried'
    } catch (failure) {
      this.#reports.emit('callbackError', { callback: 'retry.when', error: failure })
      return undefined
    }
  }

  #nextOf(reason: DeadLetterReason | undefined): ConsumerEvents['handlerError']['next'] {
    return reason === undefined ? 'retry' : this.#settings.exhausted
  }

  #exhaust(item: Item, reason: DeadLetterReason, error: unknown): void {
    const { attempt: attempts, message } = item
    switch (this.#settings.exhausted) {
      case 'dead-letter':
        this.#events.parked(item)
        return this.#letters?.bury(item, reason, error)
      case 'discard':
        this.#reports.emit('discarded', { message, reason, attempts, error })
        return this.#events.discarded(item)
      case 'stop':
        // In this order: when the message leaves its lane, nothing behind it may begin any more.
        this.#events.stop(new ConsumerStoppedError(message.topic, message.id, attempts, { cause: error }))
        return this.#events.giveBack(item)
    }
  }
}
