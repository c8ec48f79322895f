import { InvalidPatternError, InvalidTopicError } from './errors.ts'

/**
 * The longest topic or pattern, in UTF-16 units. It bounds the depth of the pattern index (512 tokens) and the
 * memory one topic can cost. Topics of this length in ASCII fit NATS's default control line of 4096 bytes.
 */
export const maxTopicLength = 1024

const space = 0x20
const star = 0x2a
const dot = 0x2e
const tail = 0x3e
const del = 0x7f

const belongs = 0
const separates = 1
const refused = 2

/** What each ASCII character is in a topic. */
const kinds: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) => {
  if (code === dot) return separates
  return code <= space || code === star || code === tail || code === del ? refused : belongs
})

/**
 * Throws `InvalidTopicError` unless `topic` is one or more non-empty tokens joined by dots, at most
 * `maxTopicLength` long, without white space, control characters, wildcards or unpaired surrogates.
 */
export function checkTopic(topic: unknown): asserts topic is string {
  if (typeof topic !== 'string') throw new InvalidTopicError(topic, 0, notText('topic'))
  if (isPlainTopic(topic)) return
  const position = faultOf(topic, false)
  if (position !== -1) throw new InvalidTopicError(topic, position, reasonOf(topic, position, 'topic'))
}

/** Throws `InvalidPatternError` unless `pattern` is a topic in which whole tokens may be `*` and the last may be `>`. */
export function checkPattern(pattern: unknown): asserts pattern is string {
  if (typeof pattern !== 'string') throw new InvalidPatternError(pattern, 0, notText('pattern'))
  const position = faultOf(pattern, true)
  if (position !== -1)
    throw new InvalidPatternError(pattern, position, reasonOf(pattern, position, 'pattern'))
}

/** Says whether a valid pattern has no wildcard, so that it matches exactly one topic: itself. */
export function isLiteral(pattern: string): boolean {
  return pattern.charCodeAt(pattern.length - 1) !== tail && !pattern.includes('*')
}

/** Says whether a valid pattern matches a valid topic: `*` takes exactly one token, a final `>` one or more. */
export function matches(pattern: string, topic: string): boolean {
  let p = 0
  let t = 0
  while (p < pattern.length && t < topic.length) {
    const code = pattern.charCodeAt(p)
    if (code === tail) return true
    if (code === star) t = tokenEnd(topic, t)
    else if (code === topic.charCodeAt(t)) t += 1
    else return false
    p += 1
  }
  return p === pattern.length && t === topic.length
}

function tokenEnd(text: string, start: number): number {
  let end = start
  while (end < text.length && text.charCodeAt(end) !== dot) end += 1
  return end
}

/**
 * Says yes to a valid topic in ASCII, and no to anything that needs a closer look. Every publish to a never-seen
 * topic runs this, so it does one table look-up per character; comparing codes instead takes a third longer.
 */
function isPlainTopic(text: string): boolean {
  const length = text.length
  if (length > maxTopicLength) return false
  let before: number = separates // a dot at the start is like a dot after a dot
  let codes = 0
  for (let i = 0; i < length; i += 1) {
    const code = text.charCodeAt(i)
    const kind = kinds[code & 0x7f]! // in range: the table has 128 entries
    if (kind + before > separates) return false
    before = kind
    codes |= code
  }
  return before === belongs && codes <= 0x7f
}

/** The index of the first character that does not belong, or -1. It only finds the place; `reasonOf` explains it. */
function faultOf(text: string, wildcards: boolean): number {
  const length = text.length
  if (length > maxTopicLength) return maxTopicLength
  let start = 0
  for (let i = 0; i < length; i += 1) {
    const code = text.charCodeAt(i)
    if (code === dot) {
      if (i === start) return i
      start = i + 1
    } else if (code === star || code === tail) {
      if (!wildcards || !isWholeToken(text, i, code)) return i
    } else if (code <= space || code >= del) {
      if (isForbidden(text, i)) return i
      if (isHighSurrogate(code)) i += 1 // its partner was seen by isForbidden
    }
  }
  if (start < length) return -1
  return length === 0 ? 0 : length - 1
}

/** Whether the wildcard at `i` stands where it may: alone in its token, and `>` in the last one. */
function isWholeToken(text: string, i: number, code: number): boolean {
  if (i > 0 && text.charCodeAt(i - 1) !== dot) return false
  if (i + 1 === text.length) return true
  return code === star && text.charCodeAt(i + 1) === dot
}

function isForbidden(text: string, i: number): boolean {
  const code = text.charCodeAt(i)
  return isControl(code) || isWhiteSpace(code) || isUnpaired(text, i)
}

/** C0, DEL and C1. */
function isControl(code: number): boolean {
  return code < space || (code >= del && code <= 0x9f)
}

/** Unicode's White_Space, and the byte order mark, which `trim` takes for a space too. */
function isWhiteSpace(code: number): boolean {
  if (code === space || code === 0xa0) return true
  if (code < 0x1680) return false
  if (code >= 0x2000 && code <= 0x200a) return true
  return [0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff].includes(code)
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
}

/** Whether the unit at `i` is half a character. The caller steps over pairs, so a low half met here is alone. */
function isUnpaired(text: string, i: number): boolean {
  const code = text.charCodeAt(i)
  if (isHighSurrogate(code)) return !isLowSurrogate(text.charCodeAt(i + 1))
  return isLowSurrogate(code)
}

function notText(what: string): string {
  return `a ${what} is a string of tokens joined by dots`
}

function reasonOf(text: string, position: number, what: 'topic' | 'pattern'): string {
  if (text.length === 0) return `a ${what} needs at least one token`
  if (text.length > maxTopicLength)
    return `a ${what} has at most ${maxTopicLength} characters, this has ${text.length}`
  const code = text.charCodeAt(position)
  if (code === dot) return 'a token is empty; every dot stands between two tokens'
  if (code === star || code === tail) {
    if (what === 'topic') return 'wildcards are for subscribing; publish to a concrete topic'
    if (code === star) return '"*" stands for a whole token, as in "orders.*.paid"'
    return '">" stands alone as the last token, as in "orders.>"'
  }
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  if (isControl(code)) return `${name} is a control character`
  if (isWhiteSpace(code)) return `${name} is white space; use "-" or "_" inside a token`
  return `${name} is half of a surrogate pair, which cannot be encoded as UTF-8`
}
