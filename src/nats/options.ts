import type { HandlerOptions, OverflowPolicy } from '../core/contract.ts'
import { InvalidOptionError } from '../core/errors.ts'
import { duration, wholeNumber } from '../core/settings.ts'
import type { NatsBrokerOptions, OutageLimits } from './contract.ts'

/** The policies that ask nothing of a publisher who may be on another machine. */
export const natsPolicies: readonly OverflowPolicy[] = ['drop-newest', 'drop-oldest', 'latest', 'disconnect']

const defaultUnreadBytes = 64 * 1024 * 1024
const defaultOutage: Required<OutageLimits> = { messages: 10_000, bytes: 8 * 1024 * 1024, timeoutMs: 30_000 }
/** A subscription must fit on one line of the protocol, of which servers take 4096 bytes. */
const longestLine = 4000

/** The limits on what is kept during an outage; undefined when nothing is. */
export function outageLimits({ whileDisconnected }: NatsBrokerOptions): Required<OutageLimits> | undefined {
  if (whileDisconnected === undefined || whileDisconnected === 'reject') return undefined
  const buffer = (whileDisconnected as { buffer?: unknown } | null)?.buffer
  if (typeof buffer !== 'object' || buffer === null)
    throw new InvalidOptionError(
      'whileDisconnected',
      whileDisconnected,
      'Use "reject", or { buffer: { messages, bytes, timeoutMs } }.',
    )
  const { bytes, messages, timeoutMs } = buffer as OutageLimits
  return {
    messages: wholeNumber('whileDisconnected.buffer.messages', messages, defaultOutage.messages),
    bytes: duration('whileDisconnected.buffer.bytes', bytes, defaultOutage.bytes),
    timeoutMs: duration('whileDisconnected.buffer.timeoutMs', timeoutMs, defaultOutage.timeoutMs),
  }
}

export function unreadLimit({ maxUnreadBytes }: NatsBrokerOptions): number {
  return wholeNumber('maxUnreadBytes', maxUnreadBytes, defaultUnreadBytes)
}

/** Refuses what cannot be had where the publisher is elsewhere. */
export function checkSubscribeOptions(pattern: string, options: HandlerOptions<never> | undefined): void {
  const { group, keepDropped, overflow } = (options ?? {}) as HandlerOptions
  if (overflow === 'block' || overflow === 'fail')
    throw new InvalidOptionError(
      'overflow',
      overflow,
      `The publisher is at the other end of a server and can neither wait nor be told. Use one of ${natsPolicies.join(', ')}.`,
    )
  if (overflow === 'spill' || keepDropped === true)
    throw new InvalidOptionError(
      overflow === 'spill' ? 'overflow' : 'keepDropped',
      overflow === 'spill' ? overflow : keepDropped,
      `This broker has no place on disk. Use one of ${natsPolicies.join(', ')}.`,
    )
  if (group === undefined || typeof group !== 'string') return
  // The client writes it into a line of the protocol as it is.
  // oxlint-disable-next-line no-control-regex
  if (/[\s\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u.test(group))
    throw new InvalidOptionError('group', group, 'Names of groups in NATS have no white space in them.')
  if (new TextEncoder().encode(pattern + group).length > longestLine)
    throw new InvalidOptionError('group', group, 'The pattern and the group are too long together.')
}
