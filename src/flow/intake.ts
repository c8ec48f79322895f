import type { Subscription } from '../core/contract.ts'
import type { Message } from '../core/message.ts'

/** Whom an intake tells. */
export interface IntakeEvents {
  arrived(message: Message): void
  ended(): void
}

/** Takes messages from a subscription, one for each time it is asked, and never ahead of that. */
export class Intake {
  readonly #subscription: Subscription
  readonly #events: IntakeEvents
  /** A message was asked for and has not come. */
  asking = false
  /** There will be no more. */
  ended = false
  /** Why, if the subscription said so. */
  error: unknown

  // Made once: a consumer that keeps up asks for every message.
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
    this.#events = events
  }

  /** The next message, if it is there; otherwise `arrived` will be told of it. */
  take(): Message | undefined {
    if (this.asking || this.ended) return undefined
    try {
      const message = this.#subscription.poll()
      if (message === undefined) this.#ask()
      return message
    } catch (error) {
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
    this.#subscription.next().then(this.#answered, this.#failed)
  }

  #end(error: unknown): void {
    if (this.ended) return
    this.ended = true
    this.error = error
    this.#events.ended()
  }
}
