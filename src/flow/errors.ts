import { SpillwayError } from '../core/errors.ts'

/** One attempt took longer than `deadlineMs`. The reason of its signal, and what the attempt has failed with. */
export class HandlerDeadlineError extends SpillwayError {
  override readonly name = 'HandlerDeadlineError'
  override readonly code = 'SPW_HANDLER_DEADLINE'
  readonly deadlineMs: number

  constructor(deadlineMs: number) {
    super(
      `The handler had not settled after ${deadlineMs} ms. The attempt counts as failed; what it still returns is ignored. ` +
        `Heed context.signal, or raise deadlineMs.`,
    )
    this.deadlineMs = deadlineMs
  }
}

/** The broker has taken a delivery back while it was being handled: somebody else has the message now. */
export class DeliveryLostError extends SpillwayError {
  override readonly name = 'DeliveryLostError'
  override readonly code = 'SPW_DELIVERY_LOST'
  readonly topic: string

  constructor(topic: string) {
    super(
      `A delivery of "${topic}" could not be extended: the broker delivers the message again. Stop working on it. If this ` +
        `happens often, lower extendEveryMs or raise the deadline of the group.`,
    )
    this.topic = topic
  }
}

/** The reason of a signal whose attempt was given up because its consumer ended. */
export class ConsumerEndedError extends SpillwayError {
  override readonly name = 'ConsumerEndedError'
  override readonly code = 'SPW_CONSUMER_ENDED'

  constructor() {
    super('The consumer has ended and handed its messages back. Stop working on this one.')
  }
}

/** `exhausted: 'stop'`: a message failed and the consumer has ended. `cause` is what it failed with. */
export class ConsumerStoppedError extends SpillwayError {
  override readonly name = 'ConsumerStoppedError'
  override readonly code = 'SPW_CONSUMER_STOPPED'
  readonly topic: string
  readonly id: string

  constructor(topic: string, id: string, attempts: number, options: { readonly cause: unknown }) {
    super(
      `The consumer has stopped, as exhausted: 'stop' asks: message ${id} of "${topic}" failed ${attempts} times (see cause). ` +
        `It was handed back. Mend the cause and start a new consumer.`,
      options,
    )
    this.topic = topic
    this.id = id
  }
}

/** A dead letter was not published, so its message is kept. Reported to the observer, never thrown. */
export class DeadLetterError extends SpillwayError {
  override readonly name = 'DeadLetterError'
  override readonly code = 'SPW_DEAD_LETTER'
  readonly topic: string

  constructor(topic: string, why: string) {
    super(`A dead letter for "${topic}" was not published: ${why}. The message is kept and tried again.`)
    this.topic = topic
  }
}

/** A batch handler left a message out of those it returned: it has failed. */
export class NotHandledError extends SpillwayError {
  override readonly name = 'NotHandledError'
  override readonly code = 'SPW_NOT_HANDLED'

  constructor(why: string) {
    super(`The message was not handled: ${why}. Return every message that was, or say why with context.fail.`)
  }
}
