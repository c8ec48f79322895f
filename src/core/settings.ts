import type { DropReason, HandlerOptions, OverflowPolicy, SubscribeOptions } from './contract.ts'
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
}

export const defaultCapacity = 1024
export const defaultTimeoutMs = 30_000

/** Every overflow policy, in the order tables show them. */
export const overflowPolicies: readonly OverflowPolicy[] = Object.freeze([
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
  readonly overflow?: OverflowPolicy | 'spill'
  readonly capacity?: number
  readonly capacityBytes?: number
  readonly sizeOf?: unknown
  readonly key?: unknown
  readonly blockTimeoutMs?: number
  readonly onDrop?: unknown
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
  }
  const names = Object.keys(defaults) as (keyof SubscriptionSettings)[]
  return names.every((name) => settings[name] === defaults[name]) ? defaults : settings
}

const mailboxOptions = [
  'overflow',
  'capacity',
  'capacityBytes',
  'sizeOf',
  'key',
  'blockTimeoutMs',
  'onDrop',
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
  if (overflow === 'spill') {
    throw new InvalidOptionError(
      'overflow',
      overflow,
      'Spilling needs a directory, which the memory broker has not.',
    )
  }
  if (overflowPolicies.includes(overflow)) return overflow
  throw new InvalidOptionError('overflow', overflow, `Use one of ${overflowPolicies.join(', ')}.`)
}

/** Options that make sense only together. */
function checkCompanions(given: GivenOptions, overflow: OverflowPolicy): void {
  if (overflow === 'latest' && given.key === undefined) {
    throw new InvalidOptionError('key', given.key, 'The policy "latest" needs a key function.')
  }
  if (overflow !== 'latest' && given.key !== undefined) {
    throw new InvalidOptionError('key', given.key, 'Only the policy "latest" uses a key.')
  }
  if (overflow !== 'block' && given.blockTimeoutMs !== undefined) {
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
