import { InvalidOptionError } from './errors.ts'
import { isLiteral } from './topic.ts'

/**
 * Where in a log to begin: the oldest record retained, only what comes, an offset (0 or more, of one topic), the last
 * n records (−n), or the first record whose time is not before a date.
 */
export type Position = 'start' | 'end' | number | Date

/** Returns the position if it is one for this pattern; throws `InvalidOptionError`. */
export function checkPosition(option: string, value: unknown, pattern: string): Position {
  if (value === 'start' || value === 'end') return value
  if (value instanceof Date) {
    if (!Number.isNaN(value.getTime())) return value
    throw new InvalidOptionError(option, value, 'This is not a date: its time is NaN.')
  }
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new InvalidOptionError(
      option,
      value,
      'Use "start", "end", an offset, −n for the last n, or a Date.',
    )
  if (value >= 0 && !Object.is(value, -0) && !isLiteral(pattern))
    throw new InvalidOptionError(
      option,
      value,
      `An offset belongs to one topic, and "${pattern}" is a pattern. Use "start", "end", −n or a Date.`,
    )
  return value
}
