import type { Subscription } from '../core/contract.ts'
import type { Message } from '../core/message.ts'
import { waiterFor } from '../core/reading-subscription.ts'

/** Whom an intake tells. */
export interface IntakeEvents {
  arrived(message: Message): void
  ended(): void
}

/** Takes messages from a subscription, one for each time it is asked, and never ahead of that. */
export class Intake {
  readonly #subscription: Subscription
  /** Runs `#look` when it is worth polling again, where the subscription can say that with less effort than `next`. */
  readonly #wait: (() => void) | undefined
  readonly #events: IntakeEvents
  /** A message was asked for and has not come. */
  asking = false
  /** There will be no more. */
  ended = false
  /** Why, if the subscription said so. */
  error: unknown

  // Made once: a consumer that keeps up asks for every message.
  readonly #look = (): void => {
    const message = this.#poll()
    if (this.ended) return
    if (message === undefined) return this.#ask() // another member was faster, or it has ended
    this.asking = false
    this.#events.arrived(message)
  }
  readonly #answered = (result: IteratorResult<Message, undefined>): void => {
    this.asking = false
    if (result.done === true) this.#end(undefined)
    else this.#events.arrived(result.value)
  }
  readonly #failed = (error: unknown): void => {
    this.asking = false
    this.#end(error)
  }

  constructor(subscription: Subscription, events: IntakeEvents) {
    this.#subscription = subscription
    this.#wait = waiterFor(subscription, this.#look)
    this.#events = events
  }

  /** The next message, if it is there; otherwise `arrived` will be told of it. */
  take(): Message | undefined {
    if (this.asking || this.ended) return undefined
    const message = this.#poll()
    if (message === undefined && !this.ended) this.#ask()
    return message
  }

  #poll(): Message | undefined {
    try {
      return this.#subscription.poll()
    } catch (error) {
      this.asking = false
      this.#end(error)
      return undefined
    }
  }

  /** Notices that the subscription has ended, also while nothing is taken. */
  look(): void {
    if (!this.asking && !this.ended && this.#subscription.closed) this.#ask()
  }

  #ask(): void {
    this.asking = true
    if (this.#wait === undefined || this.#subscription.closed) this.#askForResult()
    else this.#wait()
  }

  #askForResult(): void {
    this.#subscription.next().then(this.#answered, this.#failed)
  }

  #end(error: unknown): void {
    if (this.ended) return
    this.ended = true
    this.error = error
    this.#events.ended()
  }
}
