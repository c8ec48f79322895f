import type { Health } from './health.ts'
import type { DropReason } from './contract.ts'
import type { MailboxName, SpillwayError } from './errors.ts'
import type { Message } from './message.ts'

/** Everything a broker reports, one entry per event. `subscription` names the subscription or its queue group. */
export interface BrokerEvents {
  /** A subscription was made. */
  readonly subscribed: { readonly subscription: MailboxName }
  /** A subscription ended: by its owner, its signal, a disconnect, or with the broker. */
  readonly closed: { readonly subscription: MailboxName; readonly error: SpillwayError | undefined }
  /** A copy was dropped. Observing this makes every mailbox decide at publish time, which costs speed. */
  readonly dropped: {
    readonly subscription: MailboxName
    readonly message: Message
    readonly reason: DropReason
  }
  /** A publisher began to wait for this mailbox. */
  readonly blocked: { readonly subscription: MailboxName; readonly message: Message }
  /** A publisher stopped waiting: its copy was accepted, or given up. */
  readonly unblocked: {
    readonly subscription: MailboxName
    readonly message: Message
    readonly accepted: boolean
    readonly waitedMs: number
  }
  /** A message matched no subscription. */
  readonly unrouted: { readonly topic: string }
  /** A handler threw or rejected. */
  readonly handlerError: {
    readonly subscription: MailboxName
    readonly message: Message
    readonly error: unknown
  }
  /** An `onDrop`, `sizeOf` or `key` function, or an observer, threw. */
  readonly callbackError: { readonly callback: string; readonly error: unknown }
  /** A configuration that works but is likely to hurt. */
  readonly warning: { readonly code: WarningCode; readonly text: string; readonly subscription: MailboxName }
  /** The connection to the server came or went. While it is away messages may be lost where nothing confirms them. */
  readonly connection: Health & {
    /** Messages handed over that the server had not confirmed when the connection was lost: it may or may not have them. */
    readonly unconfirmed?: number
  }
  /** A broker whose server divides topics among the members of a group got or lost parts of topics. */
  readonly assignment: {
    readonly group: string
    readonly kind: 'assigned' | 'revoked' | 'lost'
    readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
  }
  /** The broker began to drain. */
  readonly draining: Record<never, never>
  /** The broker has ended. */
  readonly ended: Record<never, never>
}

/** Warnings a broker may give. */
export type WarningCode =
  | 'second-block-subscription'
  | 'group-overtaken'
  | 'spill-failed'
  | 'compaction-failed'
  | 'relay-failed'
  | 'connection-lost'
  | 'commit-refused'
  | 'consumer-deleted'
  | 'publish-refused'
  | 'subscription-refused'

/** Hears of what it has a method for. What it throws is reported as `callbackError` to the others, never to a publisher. */
export type Observer = { readonly [Name in keyof BrokerEvents]?: (event: BrokerEvents[Name]) => void }
