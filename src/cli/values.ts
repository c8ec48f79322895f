import { InvalidArgumentError } from 'commander'
import type { MemoryPolicy } from '../core/contract.ts'
import { overflowPolicies } from '../core/settings.ts'

// Parsers of option values. What they throw becomes one line that names the option and the value.

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `500ms`, `10s`, `2m`, `1.5h` → seconds. */
export function parseSeconds(text: string): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []
  const seconds = (Number(amount) * (unitMs[unit] ?? 0)) / 1000
  if (seconds > 0 && seconds <= 86_400) return seconds
  throw new InvalidArgumentError('Give a duration up to 24h, like 500ms, 10s or 2m.')
}

/** A number per second above 0. */
export function parseRate(text: string): number {
  const rate = parseRateOrZero(text)
  if (rate > 0) return rate
  throw new InvalidArgumentError('Give a number per second above 0, like 5000.')
}

/** A number per second; 0 is allowed. */
export function parseRateOrZero(text: string): number {
  const rate = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (rate <= 1e6) return rate
  throw new InvalidArgumentError('Give a number per second up to 1000000, like 5000.')
}

/** A whole number from 1. */
export function parseCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (count >= 1 && count <= 2 ** 30) return count
  throw new InvalidArgumentError('Give a whole number from 1 to 1073741824.')
}

export function parsePolicy(text: string): MemoryPolicy {
  const policy = overflowPolicies.find((name) => name === text)
  if (policy !== undefined) return policy
  throw new InvalidArgumentError(`Use one of ${overflowPolicies.join(', ')}.`)
}

/** A list with commas, each policy once. */
export function parsePolicies(text: string): readonly MemoryPolicy[] {
  return [...new Set(text.split(',').map((name) => parsePolicy(name.trim())))]
}
