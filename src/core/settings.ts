import type {
  DropReason,
  HandlerOptions,
  MemoryPolicy,
  OverflowPolicy,
  SubscribeOptions,
} from './contract.ts'
import { InvalidOptionError } from './errors.ts'
import type { Message } from './message.ts'

/** The options that belong to a mailbox, checked and with their defaults. One object may serve many mailboxes. */
export interface MailboxSettings {
  readonly overflow: OverflowPolicy
  readonly capacity: number
  readonly capacityBytes: number
  readonly sizeOf: ((message: Message) => number) | undefined
  readonly key: ((message: Message) => unknown) | undefined
  readonly blockTimeoutMs: number
  readonly onDrop: ((message: Message, reason: DropReason) => void) | undefined
  readonly keepDropped: boolean
  readonly spillBytes: number
  readonly spillOverflow: SpillOverflow
  /** The policy of a mailbox that can take no more, in memory nor on disk. */
  readonly whenFull: MemoryPolicy
}

/** What may happen when the disk is full as well. */
export type SpillOverflow = Exclude<MemoryPolicy, 'latest'>

export const defaultCapacity = 1024
export const defaultTimeoutMs = 30_000

/** The overflow policies that need no disk, in the order tables show them. */
export const overflowPolicies: readonly MemoryPolicy[] = Object.freeze([
  'drop-newest',
  'drop-oldest',
  'latest',
  'block',
  'fail',
  'disconnect',
] as const)

const defaults: SubscriptionSettings = Object.freeze({
  concurrency: 1,
  queued: false,
  overflow: 'drop-newest',
  capacity: defaultCapacity,
  capacityBytes: Number.POSITIVE_INFINITY,
  sizeOf: undefined,
  key: undefined,
  blockTimeoutMs: defaultTimeoutMs,
  onDrop: undefined,
  keepDropped: false,
  spillBytes: Number.POSITIVE_INFINITY,
  spillOverflow: 'fail',
  whenFull: 'drop-newest',
})

/** How a handler is called. */
export interface HandlerSettings {
  readonly concurrency: number
  readonly queued: boolean
}

/** Everything about a subscription that its options decide. */
export interface SubscriptionSettings extends MailboxSettings, HandlerSettings {}

/** The union of all option shapes, for reading what was given rather than what fits together. */
interface GivenOptions {
  readonly overflow?: OverflowPolicy
  readonly capacity?: number
  readonly capacityBytes?: number
  readonly sizeOf?: unknown
  readonly key?: unknown
  readonly blockTimeoutMs?: number
  readonly onDrop?: unknown
  readonly keepDropped?: unknown
  readonly spillBytes?: number
  readonly spillOverflow?: SpillOverflow
  readonly concurrency?: number
  readonly delivery?: unknown
  readonly from?: unknown
}

/** Checks all options at once and fills in defaults. Subscriptions without options share one object. */
export function subscriptionSettings(options: HandlerOptions<never> | undefined): SubscriptionSettings {
  if (options === undefined) return defaults
  if (typeof options !== 'object' || options === null) {
    throw new InvalidOptionError('options', options, 'Give an object of options, or leave it out.')
  }
  const given = options as GivenOptions
  if (given.from !== undefined)
    throw new InvalidOptionError('from', given.from, 'This broker keeps no messages to begin with.')
  const overflow = checkOverflow(given.overflow)
  checkCompanions(given, overflow)
  if (given.delivery !== undefined && given.delivery !== 'direct' && given.delivery !== 'queued') {
    throw new InvalidOptionError('delivery', given.delivery, 'Use "direct" or "queued".')
  }
  const spillOverflow = checkSpillOverflow(given.spillOverflow)
  const settings = {
    concurrency: wholeNumber('concurrency', given.concurrency, 1),
    queued: given.delivery === 'queued',
    overflow,
    capacity: wholeNumber('capacity', given.capacity, defaultCapacity),
    capacityBytes: duration('capacityBytes', given.capacityBytes, Number.POSITIVE_INFINITY),
    sizeOf: callback('sizeOf', given.sizeOf) as MailboxSettings['sizeOf'],
    key: callback('key', given.key) as MailboxSettings['key'],
    blockTimeoutMs: duration('blockTimeoutMs', given.blockTimeoutMs, defaultTimeoutMs),
    onDrop: callback('onDrop', given.onDrop) as MailboxSettings['onDrop'],
    keepDropped: flag('keepDropped', given.keepDropped),
    spillBytes: duration('spillBytes', given.spillBytes, Number.POSITIVE_INFINITY),
    spillOverflow,
    whenFull: overflow === 'spill' ? spillOverflow : overflow,
  }
  const names = Object.keys(defaults) as (keyof SubscriptionSettings)[]
  return names.every((name) => settings[name] === defaults[name]) ? defaults : settings
}

/** Throws when the settings need a disk. */
export function refuseSpilling({ keepDropped, overflow }: MailboxSettings): void {
  if (overflow !== 'spill' && !keepDropped) return
  const [option, value] =
    overflow === 'spill' ? (['overflow', overflow] as const) : (['keepDropped', keepDropped] as const)
  throw new InvalidOptionError(
    option,
    value,
    'Give the broker a place on disk: createBroker({ spill: await openSpillArea(dir) }).',
  )
}

const mailboxOptions = [
  'overflow',
  'capacity',
  'capacityBytes',
  'sizeOf',
  'key',
  'blockTimeoutMs',
  'onDrop',
  'keepDropped',
  'spillBytes',
  'spillOverflow',
] as const

/** Names the first mailbox option that a caller gave and that differs from `settings`; leaving one out never differs. */
export function contradiction(
  options: SubscribeOptions<never> | undefined,
  settings: MailboxSettings,
): (typeof mailboxOptions)[number] | undefined {
  const given = options as GivenOptions | undefined
  return mailboxOptions.find((name) => given?.[name] !== undefined && given[name] !== settings[name])
}

/** Checks an amount of milliseconds or bytes: a number ≥ 0, `Infinity` allowed. */
export function duration(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback
  if (typeof value === 'number' && value >= 0) return value
  throw new InvalidOptionError(option, value, 'Give a number ≥ 0; Infinity means without limit.')
}

/** Checks a count: a whole number from 1. */
export function wholeNumber(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback
  if (Number.isSafeInteger(value) && value >= 1 && value <= 2 ** 30) return value
  throw new InvalidOptionError(option, value, 'Give a whole number from 1 to 1073741824.')
}

function checkOverflow(overflow: GivenOptions['overflow']): OverflowPolicy {
  if (overflow === undefined) return defaults.overflow
  if (overflow === 'spill' || overflowPolicies.includes(overflow)) return overflow
  throw new InvalidOptionError('overflow', overflow, `Use one of ${overflowPolicies.join(', ')}, spill.`)
}

function checkSpillOverflow(policy: GivenOptions['spillOverflow']): SpillOverflow {
  if (policy === undefined) return defaults.spillOverflow
  const allowed = overflowPolicies.filter((name) => name !== 'latest')
  if (allowed.includes(policy)) return policy
  throw new InvalidOptionError('spillOverflow', policy, `Use one of ${allowed.join(', ')}.`)
}

/** Options that make sense only together. */
function checkCompanions(given: GivenOptions, overflow: OverflowPolicy): void {
  if (overflow === 'latest' && given.key === undefined) {
    throw new InvalidOptionError('key', given.key, 'The policy "latest" needs a key function.')
  }
  if (overflow !== 'latest' && given.key !== undefined) {
    throw new InvalidOptionError('key', given.key, 'Only the policy "latest" uses a key.')
  }
  for (const option of ['spillBytes', 'spillOverflow'] as const) {
    if (overflow !== 'spill' && given[option] !== undefined)
      throw new InvalidOptionError(option, given[option], 'Only the policy "spill" uses the disk.')
  }
  const blocks = overflow === 'block' || (overflow === 'spill' && given.spillOverflow === 'block')
  if (!blocks && given.blockTimeoutMs !== undefined) {
    throw new InvalidOptionError('blockTimeoutMs', given.blockTimeoutMs, 'Only the policy "block" waits.')
  }
  if ((given.capacityBytes === undefined) !== (given.sizeOf === undefined)) {
    const missing = given.sizeOf === undefined ? 'sizeOf' : 'capacityBytes'
    throw new InvalidOptionError(missing, undefined, 'capacityBytes and sizeOf go together.')
  }
}

function callback(option: string, value: unknown): unknown {
  if (value === undefined || typeof value === 'function') return value
  throw new InvalidOptionError(option, value, 'Give a function.')
}

function flag(option: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true
  throw new InvalidOptionError(option, value, 'Give true or false.')
}
