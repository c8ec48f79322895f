import { InvalidOptionError } from '../core/errors.ts'
import { checkPattern, isLiteral, matches } from '../core/topic.ts'
import type { LogBrokerOptions, Retention } from './contract.ts'

/** A retention with every limit; `Infinity` does not limit. */
export type Limits = Required<Retention>

const unlimited: Limits = Object.freeze({
  count: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
  ageMs: Number.POSITIVE_INFINITY,
})

/** What topics have for which nothing was said: a log must not grow for ever because somebody forgot to say. */
const byDefault: Limits = Object.freeze({ ...unlimited, count: 16_384 })

/** The limits of a log, by topic or pattern. */
export class RetentionTable {
  readonly #everywhere: Limits | undefined
  readonly #byPattern: ReadonlyMap<string, Limits>

  /** Throws `InvalidOptionError`, and `InvalidPatternError` for a key that is no pattern. */
  constructor({ retention, sizeOf }: Pick<LogBrokerOptions, 'retention' | 'sizeOf'>) {
    const rules = retention === undefined ? {} : rulesOf(retention)
    this.#everywhere = 'limits' in rules ? rules.limits : undefined
    this.#byPattern = 'limits' in rules ? new Map() : new Map(Object.entries(rules))
    const all = [...this.#byPattern.values(), this.#everywhere ?? byDefault]
    const measured = all.some(({ bytes }) => bytes !== Number.POSITIVE_INFINITY)
    if (measured !== (sizeOf !== undefined))
      throw new InvalidOptionError('sizeOf', sizeOf, 'sizeOf and a retention by bytes go together.')
    if (sizeOf !== undefined && typeof sizeOf !== 'function')
      throw new InvalidOptionError('sizeOf', sizeOf, 'Give a function.')
  }

  /** The limits of the topic itself, else of the first pattern, in the order given, that matches it. */
  find(topic: string): Limits {
    if (this.#everywhere !== undefined) return this.#everywhere
    const own = this.#byPattern.get(topic)
    if (own !== undefined) return own
    for (const [pattern, limits] of this.#byPattern) {
      if (!isLiteral(pattern) && matches(pattern, topic)) return limits
    }
    return byDefault
  }
}

type Rules = { readonly limits: Limits } | Readonly<Record<string, Limits>>

/** A limit is a number and a rule is an object, so a topic called `count` is no riddle. */
function rulesOf(retention: unknown): Rules {
  const entries = entriesOf('retention', retention)
  if (entries.every(([, value]) => typeof value !== 'object'))
    return { limits: limitsOf('retention', entries) }
  return Object.fromEntries(
    entries.map(([pattern, rule]) => {
      checkPattern(pattern)
      const option = `retention["${pattern}"]`
      return [pattern, limitsOf(option, entriesOf(option, rule))]
    }),
  )
}

function limitsOf(option: string, entries: readonly (readonly [string, unknown])[]): Limits {
  const limits = { ...unlimited }
  for (const [name, value] of entries) {
    if (name !== 'count' && name !== 'bytes' && name !== 'ageMs')
      throw new InvalidOptionError(`${option}.${name}`, value, 'Use count, bytes and ageMs.')
    const whole = name !== 'count' || value === Number.POSITIVE_INFINITY || Number.isSafeInteger(value)
    if (typeof value !== 'number' || !whole || !(value > 0))
      throw new InvalidOptionError(
        `${option}.${name}`,
        value,
        name === 'count' ? 'Give a whole number from 1, or Infinity.' : 'Give a number above 0, or Infinity.',
      )
    limits[name] = value
  }
  return limits
}

/** What is said in an object; an object that says nothing is a slip, for `Infinity` can be typed. */
function entriesOf(option: string, value: unknown): readonly (readonly [string, unknown])[] {
  const entries =
    typeof value === 'object' && value !== null
      ? Object.entries(value).filter(([, each]) => each !== undefined)
      : []
  if (entries.length === 0)
    throw new InvalidOptionError(option, value, 'Give at least one of count, bytes and ageMs.')
  return entries
}
