import { InvalidArgumentError } from 'commander'
import { isLiteral, matches } from '../../core/topic.ts'
import type { StoredMessage } from '../../wal/index.ts'

/** A condition on what a message carries: `order.id=7`. */
export interface Filter {
  readonly path: readonly string[]
  readonly value: string
}

export function parseFilter(text: string, before: readonly Filter[] = []): readonly Filter[] {
  const [, path = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (path === '') throw new InvalidArgumentError('Give a path into the data and a value, like order.id=7.')
  return [...before, { path: path.split('.'), value }]
}

/** The one pattern to subscribe to for several, and a test for what of it is meant. */
export function patternFor(patterns: readonly string[]): {
  readonly pattern: string
  readonly selects: (topic: string) => boolean
} {
  const [only] = patterns
  if (patterns.length === 1 && only !== undefined) return { pattern: only, selects: () => true }
  const test = (topic: string): boolean =>
    patterns.some((pattern) => (isLiteral(pattern) ? pattern === topic : matches(pattern, topic)))
  return { pattern: '>', selects: test }
}

export function passes(filters: readonly Filter[], { payload }: StoredMessage): boolean {
  return filters.every(({ path, value }) => {
    let found: unknown = payload
    for (const name of path) {
      if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return false
      found = (found as Readonly<Record<string, unknown>>)[name]
    }
    return typeof found === 'string' ? found === value : JSON.stringify(found) === value
  })
}
