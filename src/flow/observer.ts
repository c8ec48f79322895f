import type { Message } from '../core/message.ts'

/** Why nothing is begun: asked by its owner, an open circuit, a dead letter that cannot be published, too many calls beyond their deadline. */
export type HoldReason = 'paused' | 'circuit' | 'dead-letter' | 'abandoned'

/**
 * Why a message was not tried again: its attempts are used up, its payload cannot be read, `retry.when` said no, or its
 * ordering key could not be told. A closed set.
 */
export type DeadLetterReason = 'attempts' | 'payload' | 'not-retried' | 'ordering-key'

/** Why a message was handed back: the deadline of a drain, `close`, `exhausted: 'stop'`, or the broker took it back. */
export type ReturnReason = 'drained' | 'closed' | 'stopped' | 'lost'

/** Everything a consumer reports, one entry per event. */
export interface ConsumerEvents {
  /** An attempt failed; `next` is what happens to its message, `delayMs` from now. */
  readonly handlerError: {
    readonly message: Message
    readonly attempt: number
    readonly error: unknown
    readonly next: 'retry' | 'dead-letter' | 'stop' | 'discard' | 'return'
    readonly delayMs: number
  }
  /** A call that was given up has settled after all; its result was ignored. `error` is undefined when it succeeded. */
  readonly lateResult: { readonly messages: readonly Message[]; readonly error: unknown }
  readonly duplicate: { readonly message: Message }
  readonly deadLettered: {
    readonly message: Message
    readonly topic: string
    readonly reason: DeadLetterReason
    readonly attempts: number
    readonly error: unknown
  }
  /** A dead letter could not be published: it is tried again after `delayMs`, and nothing else is begun until then. */
  readonly deadLetterFailed: {
    readonly message: Message
    readonly topic: string | undefined
    readonly error: unknown
    readonly tries: number
    readonly delayMs: number
  }
  readonly discarded: {
    readonly message: Message
    readonly reason: DeadLetterReason
    readonly attempts: number
    readonly error: unknown
  }
  /** A message was handed back unhandled; `again` says whether the broker will deliver it again. */
  readonly returned: { readonly message: Message; readonly reason: ReturnReason; readonly again: boolean }
  /** An ack came too late: the broker will deliver the message again, or has done so. */
  readonly tooLate: { readonly message: Message }
  readonly held: { readonly reason: HoldReason }
  readonly released: { readonly reason: HoldReason }
  readonly ended: { readonly error: unknown }
  /** A function among the options, or an observer, threw. */
  readonly callbackError: { readonly callback: string; readonly error: unknown }
}

/** Hears of what it has a method for. What it throws goes to its own `callbackError`, and no further. */
export type ConsumerObserver = {
  readonly [Name in keyof ConsumerEvents]?: (event: ConsumerEvents[Name]) => void
}
