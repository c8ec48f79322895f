import type { SubscribeOptions, Subscription } from '../../core/contract.ts'
import type { AnyEvents, MessageOf, ValidPattern } from '../../core/event-map.ts'
import type { Position } from '../../core/position.ts'
import type { PayloadCodec } from '../../core/codec.ts'
import type { GroupStatus, LogCounts, StoredMessage, TopicStatus } from '../contract.ts'

/** `synced`: only what is on the disk for good. `written`: also what a loss of power may still take back. */
export type FollowLevel = 'synced' | 'written'

export interface FollowOptions {
  /**
   * `synced`: only messages that are on the disk for good. `written`: also those that a loss of power may still take
   * back. A log with the sync policy `os` tells what is synced only when it is closed. @defaultValue 'synced'
   */
  readonly level?: FollowLevel
  /** How often it looks for new messages, in milliseconds. @defaultValue 20 */
  readonly pollMs?: number
  /** The codec of whoever writes the log. */
  readonly codec?: PayloadCodec
}

/**
 * A log read beside the process that writes it, or when none does. It takes no lock and changes nothing, so there may
 * be any number of them. What it reads is checked like everything that is read from a log.
 */
export interface LogFollower<E extends object = AnyEvents> extends AsyncDisposable {
  /** Reads the log from `from` on, and then what is appended. @defaultValue from: 'end' */
  subscribe<P extends string>(
    pattern: ValidPattern<E, P>,
    options?: Pick<SubscribeOptions<MessageOf<E, P>>, 'signal'> & { readonly from?: Position },
  ): Subscription<MessageOf<E, P> & StoredMessage>
  topics(): readonly TopicStatus[]
  /** The groups as they were last written; who has joined them is known to the writing process alone. */
  groups(): Promise<readonly GroupStatus[]>
  counts(): LogCounts
  /** Ends the subscriptions. Resolves when the files are closed. */
  close(): Promise<void>
}
