import { InvalidArgumentError } from 'commander'
import type { Position } from '../../core/position.ts'

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `start`, `end`, `1234` (an offset), `-50` (the last 50), `@2026-11-23T08:00Z` (a time), `@-15m` (so long ago). */
export function parsePosition(text: string): Position {
  if (text === 'start' || text === 'end') return text
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  const [, ago = '', unit = ''] = /^@-(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? []
  const backMs = unitMs[unit]
  if (backMs !== undefined) return new Date(Date.now() - Number(ago) * backMs)
  const time = text.startsWith('@') ? new Date(text.slice(1)) : new Date(Number.NaN)
  if (!Number.isNaN(time.getTime())) return time
  throw new InvalidArgumentError(
    'Use start, end, an offset, -50 for the last 50, @2026-11-23T08:00Z for a time, or @-15m for so long ago.',
  )
}

/** A whole number of messages, with a sign or without: `-100`, `+20`, `20`. */
export function parseShift(text: string): number {
  const shift = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(shift)) return shift
  throw new InvalidArgumentError('Give a whole number of messages: -100 goes back, 20 passes over 20.')
}
