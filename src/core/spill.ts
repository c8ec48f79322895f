import type { DropReason } from './contract.ts'
import type { MailboxName } from './errors.ts'
import type { SpillCounts } from './ledger.ts'
import type { Message } from './message.ts'

/** Whether a message can go to the disk: `full` means not now, the others never. */
export type SpillVerdict = 'fits' | 'full' | 'too-large' | 'unspillable'

/** What one mailbox has on the disk: first in, first out. Never throws. */
export interface SpillQueue {
  /** As of now: whoever wants to keep them takes a copy. */
  readonly counts: SpillCounts
  /** Prepares a message for `push`, or says why it cannot be stored. */
  stage(message: Message): SpillVerdict
  /** Stores the message that was staged last, for which the verdict was `fits`. */
  push(message: Message): void
  /** Takes the oldest; undefined when there is none. */
  shift(): Message | undefined
  /** Forgets everything and frees the disk. */
  end(): void
}

/** A copy that a mailbox lost, and why. */
export interface DroppedCopy {
  readonly subscription: MailboxName
  readonly message: Message
  readonly reason: DropReason
}

/** Where mailboxes put what they cannot hold, outside of memory. */
export interface SpillStore {
  /** `lost` hears of copies that were stored and cannot be read any more. `maxBytes` bounds what waits in this queue. */
  open(mailbox: MailboxName, maxBytes: number, lost: (count: number, error: unknown) => void): SpillQueue
  /** Keeps a dropped copy for later. */
  keep(dropped: DroppedCopy): void
}
