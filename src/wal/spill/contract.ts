import type { DropReason } from '../../core/contract.ts'
import type { DroppedCopy, SpillStore } from '../../core/spill.ts'

export interface SpillAreaOptions {
  /** How many bytes may wait for slow readers, of all mailboxes together. @defaultValue 1073741824 */
  readonly maxBytes?: number
  /** How many bytes of dropped copies are kept; the oldest go first. @defaultValue 268435456 */
  readonly keepBytes?: number
}

/** Which of the kept copies are meant; a field that is left out means all. */
export interface DroppedFilter {
  /** The topics they were published to. */
  readonly pattern?: string
  readonly reason?: DropReason
  /** Id, or name of the group, of the mailbox that lost them. */
  readonly subscription?: string
  /** Those that have been published again too. @defaultValue false */
  readonly replayed?: boolean
}

/** A copy that a mailbox with `keepDropped` lost. */
export interface KeptCopy extends DroppedCopy {
  /** Its number among the kept ones, rising. */
  readonly number: number
  /** When it was dropped: milliseconds since 1970. */
  readonly droppedAt: number
  /** It has been published again. */
  readonly replayed: boolean
}

/** What `replayDropped` did. */
export interface ReplayReport {
  readonly published: number
  /** Why the last one was not published, and everything behind it neither. */
  readonly error: unknown
}

/** Anything that publishes: every broker does. */
export interface ReplayTarget {
  publish(
    topic: string,
    payload: unknown,
    options: { readonly headers: Readonly<Record<string, string>>; readonly id: string },
  ): Promise<unknown>
}

/** A directory for what mailboxes cannot hold: copies that wait for slow readers, and dropped copies that are kept. */
export interface SpillArea extends SpillStore, AsyncDisposable {
  /** Bytes that wait for slow readers. */
  readonly usedBytes: number
  /** Files of an earlier process that ended without closing the area. What waited in them ended with its mailboxes. */
  readonly discarded: { readonly files: number; readonly bytes: number }
  /** The kept copies, oldest first, up to the newest at the time of the call. */
  dropped(filter?: DroppedFilter): AsyncIterable<KeptCopy>
  /**
   * Publishes kept copies again, oldest first, with their headers and ids; each is awaited, and remembered as replayed.
   * Stops at the first that is refused.
   */
  replayDropped(target: ReplayTarget, filter?: DroppedFilter): Promise<ReplayReport>
  /** Closes it after the brokers that use it. Copies that still wait are lost with their mailboxes; kept ones stay. */
  close(): Promise<void>
}
