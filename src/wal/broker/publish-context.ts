import type { PublishOptions, Receipt } from '../../core/contract.ts'
import type { InProcessBroker } from '../../core/memory-broker.ts'
import type { Message } from '../../core/message.ts'
import { currentOrigin, type Origin, runAs } from '../../core/origin.ts'

/**
 * What a publish has to be remembered by until its message is handed to live mailboxes, which happens when it is stored, in
 * somebody else's turn: the signal that may abort it, and the handler that it came from, which must not wait for itself.
 */
export interface PublishContext {
  readonly options: PublishOptions
  readonly origin: Origin | undefined
}

/** The context of the publish under way; undefined, as it is for nearly all, when there is nothing to remember. */
export function publishContext(options: PublishOptions): PublishContext | undefined {
  const origin = currentOrigin()
  return origin === undefined && options.signal === undefined ? undefined : { options, origin }
}

/** Hands a stored message to live mailboxes as its publisher would have done. */
export function relayIn(
  context: PublishContext | undefined,
  live: InProcessBroker,
  message: Message,
): Promise<Receipt> | undefined {
  if (context === undefined) return live.relay(message)
  const { options, origin } = context
  return runAs(origin, () => live.relay(message, options))
}
