import { checkSignal } from '../../core/abort.ts'
import type { Handler, HandlerOptions } from '../../core/contract.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import type { InProcessBroker } from '../../core/in-process-broker.ts'
import type { MailboxCounts } from '../../core/ledger.ts'
import { checkPosition } from '../../core/position.ts'
import { type SubscriptionSettings, subscriptionSettings } from '../../core/settings.ts'
import { checkPattern } from '../../core/topic.ts'
import { LogHandlerSubscription } from '../../log/log-handler-subscription.ts'
import { LogReaderSubscription } from '../../log/log-reader-subscription.ts'
import type { ReaderPlace } from '../../log/reader-place.ts'
import type { RecordSource } from '../../log/record-source.ts'
import { ReaderSource } from './reader-source.ts'
import type { ReaderParts } from './reader-feed.ts'
import { checkFeeds } from './start.ts'

export type JetStreamSubscription = LogReaderSubscription | LogHandlerSubscription

/** A source that says when there is nothing more to come. */
export interface EndingSource extends RecordSource {
  ended: (() => void) | undefined
}

/** Makes the subscription that reads a source, and ends it when the source has ended. */
export function subscribeTo(
  host: InProcessBroker,
  source: EndingSource,
  handler: Handler | undefined,
  what: {
    readonly pattern: string
    readonly group?: string
    readonly settings: SubscriptionSettings
    readonly signal: AbortSignal | undefined
    /** What it has not read at its end is lost to it, because it has no place to go on from. */
    readonly isLive?: boolean
  },
): JetStreamSubscription {
  const { group, isLive = false, pattern, settings, signal } = what
  const ended = (counts: MailboxCounts): void => {
    const closed = isLive ? source.pending : 0
    const dropped = { ...counts.dropped, closed: counts.dropped.closed + closed }
    host.guestEnded({ ...counts, routed: counts.routed + closed, dropped })
  }
  const place: ReaderPlace = { pattern, group, host, readers: host.guests, ended }
  const number = host.nextNumber()
  const subscription =
    handler === undefined
      ? new LogReaderSubscription(place, number, source, settings, signal)
      : new LogHandlerSubscription(place, number, handler, source, settings, signal)
  // A handler's subscription looks by itself: it may have a call under way.
  if (handler === undefined) source.ended = () => subscription.end('closed', false)
  if (host.observers.wants('subscribed')) {
    const { name } = subscription
    host.observers.emit('subscribed', { subscription: group === undefined ? name : { ...name, group } })
  }
  if (signal?.aborted === true) subscription.close()
  return subscription
}

/** A reader of its own, and when the server knows where it begins. */
export function openReader(
  host: InProcessBroker,
  parts: Omit<ReaderParts, 'changed' | 'pattern' | 'capacity'>,
  pattern: string,
  handler: Handler | undefined,
  options: HandlerOptions,
): { readonly subscription: JetStreamSubscription; readonly opened: Promise<void> } {
  checkPattern(pattern)
  checkSignal(options.signal)
  const from = checkPosition('from', options.from ?? 'end', pattern)
  const settings = readerSettings(options)
  const feeds = parts.streams.feeds(pattern)
  checkFeeds('from', from, feeds)
  const source = new ReaderSource({ ...parts, pattern, capacity: settings.capacity }, feeds)
  const { signal } = options
  const subscription = subscribeTo(host, source, handler, {
    pattern,
    settings,
    signal,
    isLive: options.from === undefined,
  })
  return { subscription, opened: source.open(from) }
}

const mailboxOptions = [
  'overflow',
  'capacityBytes',
  'sizeOf',
  'key',
  'blockTimeoutMs',
  'onDrop',
  'keepDropped',
] as const

/** The options of a reader: those that are about a mailbox are refused, for it has none. */
function readerSettings(options: HandlerOptions): SubscriptionSettings {
  refuseMailboxOptions(options, 'A stream is read at the pace of its reader: nothing overflows.')
  const { from: _, ...rest } = options
  return subscriptionSettings(rest)
}

export function refuseMailboxOptions(options: object, why: string): void {
  const given: Partial<Record<(typeof mailboxOptions)[number], unknown>> = options
  const meaningless = mailboxOptions.find((name) => given[name] !== undefined)
  if (meaningless !== undefined) throw new InvalidOptionError(meaningless, given[meaningless], why)
}
