import type { DropReason, MemoryPolicy } from '../core/contract.ts'
import { InvalidOptionError } from '../core/errors.ts'
import { defaultCapacity, overflowPolicies, wholeNumber } from '../core/settings.ts'

/** A publisher, a mailbox, and what takes from it: the question that `predict` and `simulate` answer. */
export interface Setting {
  /** λ: messages published per second, above 0. */
  readonly publishPerSecond: number
  /** μ: messages that each consumer takes per second; 0 is a consumer that never reads. */
  readonly drainPerSecond: number
  /** T: how long both go on, in seconds, above 0. */
  readonly seconds: number
  /** What a full mailbox does. @defaultValue 'drop-newest' */
  readonly overflow?: MemoryPolicy
  /** B: how many copies may be pending; a whole number from 1. @defaultValue 1024 */
  readonly capacity?: number
  /** k: distinct keys, published in turn; a whole number from 1. Required by `latest`, meaningless without. */
  readonly keys?: number
  /** m: consumers that share the mailbox as a queue group; a whole number from 1. @defaultValue 1 */
  readonly members?: number
}

/** How it went for the publisher. */
export interface PublisherOutcome {
  /** Share of the time spent waiting for room, from 0 to 1. Above 0 only under `block`. */
  readonly waitingShare: number
  /** Publishes that were rejected. Above 0 only under `fail`. */
  readonly rejected: number
}

/** Where the messages are after T seconds: predicted or measured, in one shape. */
export interface Outcome {
  /** Messages published. Under `block` this includes the one whose publisher waits. */
  readonly published: number
  /** Messages that found nobody, because `disconnect` had ended the subscription. */
  readonly unrouted: number
  readonly delivered: number
  /** Copies lost, by reason; every reason is present. */
  readonly dropped: Readonly<Record<DropReason, number>>
  readonly pending: number
  /** Copies whose publisher waits for room: 0 or 1. */
  readonly waiting: number
  /** Mean age of the last tenth of what was delivered, from the call of publish; undefined if nothing was. */
  readonly ageSeconds: number | undefined
  /** When the policy first had to act; undefined if it never does. */
  readonly secondsToFull: number | undefined
  readonly publisher: PublisherOutcome
}

/** A setting with every field checked and filled in. */
export interface CheckedSetting {
  readonly publishPerSecond: number
  /** mμ: what all consumers take together. */
  readonly drainPerSecond: number
  readonly seconds: number
  readonly overflow: MemoryPolicy
  readonly capacity: number
  readonly keys: number
  readonly members: number
}

/** Checks all fields at once; throws `InvalidOptionError` naming the first that cannot be. */
export function checkSetting(setting: Setting): CheckedSetting {
  const { publishPerSecond, drainPerSecond, seconds, overflow = 'drop-newest', keys } = setting
  above('publishPerSecond', publishPerSecond)
  above('seconds', seconds)
  if (!(Number.isFinite(drainPerSecond) && drainPerSecond >= 0)) {
    throw new InvalidOptionError('drainPerSecond', drainPerSecond, 'Give a finite number from 0.')
  }
  if (!overflowPolicies.includes(overflow)) {
    throw new InvalidOptionError('overflow', overflow, `Use one of ${overflowPolicies.join(', ')}.`)
  }
  if ((overflow === 'latest') !== (keys !== undefined)) {
    const reason =
      keys === undefined ? 'The policy "latest" needs the number of keys.' : 'Only "latest" uses keys.'
    throw new InvalidOptionError('keys', keys, reason)
  }
  const capacity = wholeNumber('capacity', setting.capacity, defaultCapacity)
  const members = wholeNumber('members', setting.members, 1)
  const together = drainPerSecond * members
  for (const [option, perSecond] of Object.entries({ publishPerSecond, drainPerSecond: together })) {
    if (perSecond * seconds <= mostMessages) continue
    throw new InvalidOptionError('seconds', seconds, `With this ${option} that is more than 10¹² messages.`)
  }
  const checkedKeys = wholeNumber('keys', keys, 1)
  return {
    publishPerSecond,
    drainPerSecond: together,
    seconds,
    overflow,
    capacity,
    keys: checkedKeys,
    members,
  }
}

/** Counts and their products must stay exact as JavaScript numbers. */
const mostMessages = 1e12

function above(option: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return
  throw new InvalidOptionError(option, value, 'Give a finite number above 0.')
}
