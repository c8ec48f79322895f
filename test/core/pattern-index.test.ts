import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { PatternIndex } from '../../src/core/pattern-index.ts'
import { fcParameters } from '../support/seed.ts'

function indexOf(...patterns: readonly string[]): PatternIndex<string> {
  const index = new PatternIndex<string>()
  for (const pattern of patterns) index.set(pattern, pattern)
  return index
}

describe('PatternIndex', () => {
  it('keeps one value per pattern', () => {
    const index = new PatternIndex<number>()
    for (const pattern of ['a.b', 'a.*', 'a.>']) {
      index.set(pattern, 1)
      index.set(pattern, 2)
    }

    expect(index.size).toBe(3)
    expect(index.wildcards).toBe(2)
    expect(index.get('a.*')).toBe(2)
    expect(index.match('a.b')).toEqual([2, 2, 2])
  })

  it('takes 0, false and the empty string for values like any other', () => {
    const index = new PatternIndex<number | boolean | string>()
    index.set('a', 0)
    index.set('*', false)
    index.set('>', '')

    expect(index.match('a')).toEqual([0, false, ''])
    expect(index.get('*')).toBe(false)
    expect(index.delete('>')).toBe(true)
    expect(index.match('a')).toEqual([0, false])
  })

  it('gives back only the pattern asked for, not one that matches it', () => {
    const index = indexOf('a.*', 'a.>', 'b')

    expect(index.get('a.b')).toBeUndefined()
    expect(index.get('a')).toBeUndefined()
    expect(index.get('*')).toBeUndefined()
    expect(index.get('>')).toBeUndefined()
    expect(index.get('b.>')).toBeUndefined()
    expect(index.get('a.*')).toBe('a.*')
    expect(index.get('a.>')).toBe('a.>')
  })

  it('lets > match one token or more, never none', () => {
    const index = indexOf('a.>')

    expect(index.match('a')).toEqual([])
    expect(index.match('a.b')).toEqual(['a.>'])
    expect(index.match('a.b.c.d')).toEqual(['a.>'])
  })

  it('matches tokens whole, whether a node has one literal child or many', () => {
    const one = indexOf('a.bc.*')
    const many = indexOf('a.bc.*', 'a.bd.*', 'a.b.*')

    expect(['a.b.x', 'a.bcd.x', 'a.bx.x', 'a.bc.x'].map((topic) => one.match(topic).length)).toEqual([
      0, 0, 0, 1,
    ])
    expect(['a.b.x', 'a.bcd.x', 'a.bx.x', 'a.bc.x'].map((topic) => many.match(topic).length)).toEqual([
      1, 0, 0, 1,
    ])
  })

  it('puts the literal first, then compares token by token: literal, *, >', () => {
    const index = indexOf('>', '*.>', '*.*', '*.b', 'a.>', 'a.*', 'a.b')

    expect(index.match('a.b')).toEqual(['a.b', 'a.*', 'a.>', '*.b', '*.*', '*.>', '>'])
  })

  it('returns the same empty array whenever nothing matches', () => {
    const literals = indexOf('a')
    const wildcards = indexOf('a.*')

    expect(literals.match('b')).toBe(wildcards.match('b.c'))
    expect(Object.isFrozen(literals.match('b'))).toBe(true)
  })

  it('says whether there was something to delete', () => {
    const index = indexOf('a', 'a.*', 'a.*.c', 'a.>')

    const absent = ['b', 'a.b', '*', '>', 'a.*.*', 'a.*.c.>', 'a.*.c.d', 'b.>'].filter((pattern) =>
      index.delete(pattern),
    )
    const present = ['a', 'a.*', 'a.*.c', 'a.>'].filter((pattern) => index.delete(pattern))
    const again = present.filter((pattern) => index.delete(pattern))

    expect(absent).toEqual([])
    expect(present).toHaveLength(4)
    expect(again).toEqual([])
    expect([index.size, index.wildcards]).toEqual([0, 0])
  })

  it('keeps every pattern when another one is deleted', () => {
    const shapes = ['a', '*', 'b'].flatMap((one) => [one, ...['a', '*', '>'].map((two) => `${one}.${two}`)])
    const patterns = [
      '>',
      ...shapes,
      ...shapes.flatMap((shape) => (shape.endsWith('>') ? [] : [`${shape}.a.*`])),
    ]
    for (const gone of patterns) {
      const index = indexOf(...patterns)

      index.delete(gone)

      expect(patterns.filter((pattern) => index.get(pattern) === undefined)).toEqual([gone])
    }
  })

  it('agrees with a plain list of patterns, whatever is set and deleted', () => {
    const property = fc.property(
      fc.array(step(), { maxLength: 60 }),
      fc.array(topic(), { minLength: 1 }),
      (steps, topics) => {
        const index = new PatternIndex<number>()
        const model = new Map<string, number>()
        for (const [i, { type, pattern }] of steps.entries()) {
          const was = type === 'delete' ? index.delete(pattern) : index.set(pattern, i)
          const should = type === 'delete' ? model.delete(pattern) : void model.set(pattern, i) // set returns nothing
          expect(was).toBe(should)
          expect(index.get(pattern)).toBe(model.get(pattern))
        }

        expect(index.size).toBe(model.size)
        expect(index.wildcards).toBe([...model.keys()].filter((pattern) => /[*>]/.test(pattern)).length)
        for (const topic of topics) expect(index.match(topic)).toEqual(slowMatch(model, topic))
      },
    )
    fc.assert(property, fcParameters(1000))
  })
})

describe('PatternIndex under load', () => {
  it('finds all 4096 ways to put * into twelve tokens, in order', () => {
    const patterns = Array.from({ length: 4096 }, (_, bits) =>
      Array.from({ length: 12 }, (_, i) => ((bits >> (11 - i)) & 1 ? '*' : 'a')).join('.'),
    )
    const index = indexOf(...patterns)

    expect(index.match('a.a.a.a.a.a.a.a.a.a.a.a')).toEqual(patterns) // bit by bit, a before *: already in the promised order
    expect(index.match('a.a.a.a.a.a.a.a.a.a.a.b')).toEqual(
      patterns.filter((pattern) => pattern.endsWith('*')),
    )
  })

  it('visits at most tokens × wildcard patterns nodes', () => {
    const tokens = 100
    const words = Array.from({ length: tokens }, () => 'a')
    const patterns = words.map((_, star) => [...words.with(star, '*'), 'b'].join('.'))
    const index = indexOf(...patterns)
    const visits = vi.spyOn(String.prototype, 'indexOf') // called once per node, to find the end of its token

    const found = index.match([...words, 'c'].join('.'))

    expect(visits.mock.calls.length).toBeGreaterThan(tokens)
    expect(visits.mock.calls.length).toBeLessThanOrEqual(tokens * patterns.length)
    expect(found).toEqual([])
  })

  it('takes the deepest pattern and topic there can be', () => {
    const deepest = Array.from({ length: 512 }, () => '*').join('.')
    const index = indexOf(deepest)

    expect(index.match(deepest.replaceAll('*', 'a'))).toEqual([deepest])
    expect(index.delete(deepest)).toBe(true)
  })

  it('remembers nothing about a million distinct topics', () => {
    const index = indexOf('orders.*', 'orders.>', '*.created', 'users.u1', 'users.*.x', 'users.u2.*')
    const before = heapBytes()

    let found = 0
    for (let i = 0; i < 1_000_000; i += 1)
      found += index.match(i % 2 === 0 ? `orders.o${i}` : `users.u${i}.x`).length

    expect(found).toBe(1_500_000)
    expect(heapBytes() - before).toBeLessThan(2 ** 20)
  })

  it('gives back the memory of deleted patterns, also when others stay', () => {
    const index = indexOf('stay.*.here', 'stay.>')
    setAndDelete(index, 0)
    const before = heapBytes()

    for (let round = 1; round <= 20; round += 1) setAndDelete(index, round)

    expect(index.size).toBe(2)
    expect(heapBytes() - before).toBeLessThan(2 ** 20)
    expect(index.match('stay.a.here')).toEqual(['stay.*.here', 'stay.>'])
  })
})

/** 6000 patterns of 6 shapes, in tokens no other round uses. What a round left behind would be about 1 MB. */
function setAndDelete(index: PatternIndex<string>, round: number): void {
  const patterns = Array.from({ length: 1000 }, (_, i) => `r${round}-${i}`).flatMap((token) => [
    `stay.${token}.*.deep.er`,
    `stay.*.${token}.>`,
    `*.${token}.x.*`,
    `${token}.one.*`,
    `${token}.two.*`,
    `${token}.literal`,
  ])
  for (const pattern of patterns) index.set(pattern, pattern)
  for (const pattern of patterns) index.delete(pattern)
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  collectGarbage()
  return process.memoryUsage().heapUsed
}

interface Step {
  readonly type: 'set' | 'delete'
  readonly pattern: string
}

function step(): fc.Arbitrary<Step> {
  return fc.record({ type: fc.constantFrom('set', 'set', 'delete'), pattern: pattern() })
}

function topic(): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 4 })
    .map((tokens) => tokens.join('.'))
}

function pattern(): fc.Arbitrary<string> {
  const tokens = fc.array(fc.constantFrom('a', 'b', 'ab', '*'), { minLength: 1, maxLength: 3 })
  return fc
    .tuple(tokens, fc.boolean())
    .map(([before, tail]) => [...before.slice(tail ? 1 : 0), ...(tail ? ['>'] : [])].join('.'))
}

/** Every pattern of the list tested by splitting, and the promised order by sorting. */
function slowMatch(model: ReadonlyMap<string, number>, topic: string): readonly number[] {
  const given = topic.split('.')
  const found = [...model].filter(([pattern]) => {
    const wanted = pattern.split('.')
    const tail = wanted.indexOf('>')
    const before = tail === -1 ? wanted : wanted.slice(0, tail)
    const fits = tail === -1 ? given.length === before.length : given.length > before.length
    return fits && before.every((token, i) => token === '*' || token === given[i])
  })
  return found.toSorted(([one], [other]) => (rankOf(one) < rankOf(other) ? -1 : 1)).map(([, value]) => value)
}

/** Sorts like the promise: a literal token before `*`, `*` before `>`; a pattern without wildcards has only zeros. */
function rankOf(pattern: string): string {
  const ranks = pattern.split('.').map((token) => (token === '>' ? '2' : token === '*' ? '1' : '0'))
  return ranks.join('')
}
