import { checkSignal } from '../core/abort.ts'
import type { Handler, HandlerOptions } from '../core/contract.ts'
import { InvalidOptionError } from '../core/errors.ts'
import type { InProcessBroker } from '../core/in-process-broker.ts'
import { checkPosition, type Position } from '../core/position.ts'
import { type SubscriptionSettings, subscriptionSettings } from '../core/settings.ts'
import { checkPattern } from '../core/topic.ts'
import { LogHandlerSubscription } from './log-handler-subscription.ts'
import { LogReaderSubscription } from './log-reader-subscription.ts'
import { LogSource } from './log-source.ts'
import type { LogStore } from './log-store.ts'

type ReaderOptions = HandlerOptions & { readonly from: Position }

/** Opens a subscription that reads the log. Throws what is wrong with its options or its position. */
export function openReader(
  host: InProcessBroker,
  store: LogStore,
  pattern: string,
  handler: Handler | undefined,
  options: ReaderOptions,
): LogReaderSubscription | LogHandlerSubscription {
  checkPattern(pattern)
  const from = checkPosition('from', options.from, pattern)
  const settings = readerSettings(options)
  checkSignal(options.signal)
  const source = new LogSource(store, pattern, from)
  const ended = host.guestEnded.bind(host)
  const place = { pattern, host, readers: host.guests, ended }
  const number = host.nextNumber()
  const subscription =
    handler === undefined
      ? new LogReaderSubscription(place, number, source, settings, options.signal)
      : new LogHandlerSubscription(place, number, handler, source, settings, options.signal)
  if (host.observers.wants('subscribed'))
    host.observers.emit('subscribed', { subscription: subscription.name })
  if (options.signal?.aborted === true) subscription.close()
  return subscription
}

const mailboxOptions = ['overflow', 'capacityBytes', 'sizeOf', 'key', 'blockTimeoutMs', 'onDrop'] as const

/** The options of a reader: those that are about a mailbox are refused, for it has none. */
function readerSettings(options: ReaderOptions): SubscriptionSettings {
  const given: Partial<Record<(typeof mailboxOptions)[number], unknown>> = options
  const meaningless = mailboxOptions.find((name) => given[name] !== undefined)
  if (meaningless !== undefined)
    throw new InvalidOptionError(
      meaningless,
      given[meaningless],
      'A subscription with from reads the log at its own pace: nothing overflows.',
    )
  if (options.group !== undefined)
    throw new InvalidOptionError(
      'group',
      options.group,
      'A subscription with from reads the log by itself and shares no mailbox: leave out one of the two.',
    )
  const { from: _, ...rest } = options
  return subscriptionSettings(rest)
}
