import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidPatternError, InvalidTopicError } from '../../src/core/errors.ts'
import { checkPattern, checkTopic, isLiteral, matches, maxTopicLength } from '../../src/core/topic.ts'
import { fcParameters } from '../support/seed.ts'

const longest = 'a'.repeat(maxTopicLength)

/** Refused both as a topic and as a pattern: text, position, reason. */
const refusedEverywhere: readonly (readonly [unknown, number, RegExp])[] = [
  [undefined, 0, /string of tokens/],
  [null, 0, /string of tokens/],
  [7, 0, /string of tokens/],
  [['a'], 0, /string of tokens/],
  [Symbol('a'), 0, /string of tokens/],
  ['', 0, /at least one token/],
  [`${longest}a`, maxTopicLength, /at most 1024 characters, this has 1025/],
  [` ${longest}`, maxTopicLength, /at most 1024/],
  ['.', 0, /token is empty/],
  ['.a', 0, /token is empty/],
  ['a.', 1, /token is empty/],
  ['a..b', 2, /token is empty/],
  ['a.b..', 4, /token is empty/],
  ['a b', 1, /U\+0020 is white space/],
  ['a.b ', 3, /white space/],
  ['a\u00a0b', 1, /U\+00A0 is white space/],
  ['é.\u2003', 2, /U\+2003 is white space/],
  ['a.\u3000', 2, /white space/],
  ['a.\u2028', 2, /white space/],
  ['\ufeffa', 0, /U\+FEFF is white space/],
  ['a\tb', 1, /U\+0009 is a control character/],
  ['a.b\n', 3, /control character/],
  ['\0', 0, /U\+0000 is a control character/],
  ['a\x7f', 1, /U\+007F is a control character/],
  ['a.\u0085', 2, /U\+0085 is a control character/],
  ['a.\ud83d', 2, /U\+D83D is half of a surrogate pair/],
  ['\ude00.a', 0, /U\+DE00 is half/],
  ['😀\ude00', 2, /U\+DE00 is half/],
  ['\ud83d\ud83d\ude00', 0, /U\+D83D is half/],
]

const refusedTopics: readonly (readonly [string, number, RegExp])[] = [
  ['*', 0, /wildcards are for subscribing/],
  ['>', 0, /wildcards are for subscribing/],
  ['orders.*', 7, /publish to a concrete topic/],
  ['orders.>', 7, /publish to a concrete topic/],
  ['a*', 1, /wildcards/],
]

const refusedPatterns: readonly (readonly [string, number, RegExp])[] = [
  ['a*', 1, /"\*" stands for a whole token/],
  ['*a', 0, /"\*" stands for a whole token/],
  ['a.**', 2, /"\*" stands for a whole token/],
  ['a.*b.c', 2, /"\*" stands for a whole token/],
  ['>.a', 0, /">" stands alone as the last token/],
  ['a.>.b', 2, /">" stands alone/],
  ['a>', 1, /">" stands alone/],
  ['a.>>', 2, /">" stands alone/],
  ['*>', 0, /"\*" stands for a whole token/],
  ['a.>.', 2, /">" stands alone/],
]

const topics = [
  'a',
  'orders',
  'orders.created',
  'a.b.c.d.e',
  'A-1_x/$%.~',
  'é.ñ',
  'заказы.новые',
  '注文.😀',
  longest,
]
const wildcardPatterns = [
  '*',
  '>',
  'orders.*',
  'orders.>',
  '*.created',
  '*.*',
  '*.>',
  'a.*.c',
  'é.*',
  '*.😀.>',
]

/** Pattern, topic, whether it matches. */
const matchTable: readonly (readonly [string, string, boolean])[] = [
  ['a', 'a', true],
  ['a', 'b', false],
  ['a', 'a.b', false],
  ['a.b', 'a', false],
  ['a.b', 'a.bc', false],
  ['a.bc', 'a.b', false],
  ['*', 'a', true],
  ['*', 'abc', true],
  ['*', 'a.b', false],
  ['a.*', 'a', false],
  ['a.*', 'a.b', true],
  ['a.*', 'a.b.c', false],
  ['*.b', 'a.b', true],
  ['*.b', 'a.c', false],
  ['*.b', 'b', false],
  ['a.*.c', 'a.long-token.c', true],
  ['a.*.c', 'a.b.d', false],
  ['*.*', 'a.b', true],
  ['*.*', 'a', false],
  ['>', 'a', true],
  ['>', 'a.b.c', true],
  ['a.>', 'a', false],
  ['a.>', 'a.b', true],
  ['a.>', 'a.b.c', true],
  ['a.>', 'ab.c', false],
  ['*.>', 'a', false],
  ['*.>', 'a.b.c', true],
  ['é.*', 'é.ñ', true],
]

function thrownBy(act: () => void): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

describe('checkTopic', () => {
  it.each(topics)('accepts %j', (topic) => {
    expect(thrownBy(() => checkTopic(topic))).toBeUndefined()
  })

  it.each([...refusedEverywhere, ...refusedTopics])('refuses %j at %i', (topic, position, reason) => {
    const error = thrownBy(() => checkTopic(topic))

    expect(error).toBeInstanceOf(InvalidTopicError)
    expect(error).toMatchObject({ topic, position, message: expect.stringMatching(reason) })
  })

  it('refuses exactly what a slow reading of the grammar refuses, at the same place', () => {
    const property = fc.property(text(), (topic) => {
      const error = thrownBy(() => checkTopic(topic))
      expect(error === undefined ? -1 : (error as InvalidTopicError).position).toBe(slowFault(topic, false))
    })
    fc.assert(property, fcParameters(5000))
  })
})

describe('both', () => {
  it('judge every single UTF-16 unit as the Unicode classes say', () => {
    const units = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code))

    const refused = units.filter((unit) => thrownBy(() => checkPattern(`a${unit}b`)) !== undefined)

    expect(refused).toEqual(units.filter((unit) => /[\s\p{Cc}\p{Cs}*>]/u.test(unit)))
    expect(refused).toEqual(units.filter((unit) => thrownBy(() => checkTopic(`a${unit}b`)) !== undefined))
  })
})

describe('checkPattern', () => {
  it.each([...topics, ...wildcardPatterns])('accepts %j', (pattern) => {
    expect(thrownBy(() => checkPattern(pattern))).toBeUndefined()
  })

  it.each([...refusedEverywhere, ...refusedPatterns])('refuses %j at %i', (pattern, position, reason) => {
    const error = thrownBy(() => checkPattern(pattern))

    expect(error).toBeInstanceOf(InvalidPatternError)
    expect(error).toMatchObject({ pattern, position, message: expect.stringMatching(reason) })
  })

  it('refuses exactly what a slow reading of the grammar refuses, at the same place', () => {
    const property = fc.property(text(), (pattern) => {
      const error = thrownBy(() => checkPattern(pattern))
      expect(error === undefined ? -1 : (error as InvalidPatternError).position).toBe(
        slowFault(pattern, true),
      )
    })
    fc.assert(property, fcParameters(5000))
  })
})

describe('isLiteral', () => {
  it.each(topics)('is true for %j', (pattern) => {
    expect(isLiteral(pattern)).toBe(true)
  })

  it.each(wildcardPatterns)('is false for %j', (pattern) => {
    expect(isLiteral(pattern)).toBe(false)
  })
})

describe('matches', () => {
  it.each(matchTable)('%j against %j is %s', (pattern, topic, expected) => {
    expect(matches(pattern, topic)).toBe(expected)
  })

  it('agrees with splitting into tokens and comparing them one by one', () => {
    const property = fc.property(pattern(), topic(), (aPattern, aTopic) => {
      expect(matches(aPattern, aTopic)).toBe(slowMatches(aPattern, aTopic))
    })
    fc.assert(property, fcParameters(5000))
  })
})

/** Short texts in which every rule of the grammar is broken often. */
function text(): fc.Arbitrary<string> {
  const usual = fc.constantFrom('a', 'b', 'é', '😀', '.')
  const wild = fc.constantFrom('*', '>', '.*', '.>', '*.')
  const wrong = fc.constantFrom(
    ' ',
    '\u00a0',
    '\u2003',
    '\ufeff',
    '\0',
    '\x1f',
    '\x7f',
    '\u009f',
    '\ud83d',
    '\ude00',
  )
  const unit = fc.oneof(
    { weight: 12, arbitrary: usual },
    { weight: 4, arbitrary: wild },
    { weight: 1, arbitrary: wrong },
  )
  return fc.array(unit, { maxLength: 10 }).map((parts) => parts.join(''))
}

function topic(): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 5 })
    .map((tokens) => tokens.join('.'))
}

function pattern(): fc.Arbitrary<string> {
  const tokens = fc.array(fc.constantFrom('a', 'b', 'ab', '*'), { maxLength: 5 })
  const some = fc.tuple(tokens, fc.boolean()).filter(([before, tail]) => tail || before.length > 0)
  return some.map(([before, tail]) => [...before, ...(tail ? ['>'] : [])].join('.'))
}

/** The grammar by regular expressions and splitting: the first offending index, or -1. */
function slowFault(given: string, wildcards: boolean): number {
  if (given === '') return 0
  const faults: number[] = []
  let at = 0
  for (const character of given) {
    if (/[\s\p{Cc}\p{Cs}]/u.test(character)) faults.push(at)
    at += character.length
  }
  const tokens = given.split('.')
  let start = 0
  for (const [index, token] of tokens.entries()) {
    const isLast = index === tokens.length - 1
    const wild = token.search(/[*>]/)
    const isAllowed = wildcards && (token === '*' || (token === '>' && isLast))
    if (token === '') faults.push(Math.min(start, given.length - 1))
    else if (wild !== -1 && !isAllowed) faults.push(start + wild)
    start += token.length + 1
  }
  return faults.length === 0 ? -1 : Math.min(...faults)
}

function slowMatches(aPattern: string, aTopic: string): boolean {
  const wanted = aPattern.split('.')
  const given = aTopic.split('.')
  const hasTail = wanted.at(-1) === '>'
  const before = hasTail ? wanted.slice(0, -1) : wanted
  if (hasTail ? given.length <= before.length : given.length !== before.length) return false
  return before.every((token, i) => token === '*' || token === given[i])
}
