import type { StoredMessage } from '../../wal/index.ts'

/** A message as a line of JSON: `b64` instead of `data` for bytes, neither for nothing. */
export interface RecordLine {
  readonly topic: string
  readonly offset: number
  /** When it was stored, ISO 8601. */
  readonly ts: string
  readonly id: string
  readonly key?: string
  readonly tombstone?: true
  readonly headers: Readonly<Record<string, string>>
  readonly data?: unknown
  readonly b64?: string
}

/** What a line says that is no message: messages are missing here. */
export interface GapLine {
  readonly _: 'gap'
  readonly topic?: string
  readonly from?: number
  readonly to?: number
  readonly count?: number
  readonly reason: string
}

export function recordLine(message: StoredMessage): RecordLine {
  const { headers, id, key, offset, payload, time, tombstone, topic } = message
  const value =
    payload instanceof Uint8Array ? { b64: Buffer.from(payload).toString('base64') } : { data: payload }
  const ts = new Date(time).toISOString()
  const keyed = { ...(key === undefined ? {} : { key }), ...(tombstone ? { tombstone } : {}) }
  return { topic, offset, ts, id, ...keyed, headers, ...value }
}

/** What can be published of a line. */
export interface ParsedRecord {
  readonly topic: string | undefined
  readonly payload: unknown
  readonly key: string | undefined
  readonly tombstone: boolean
  readonly id: string | undefined
  readonly headers: Readonly<Record<string, string>> | undefined
}

/** Reads a line that `recordLine` wrote, or one like it; a string says what is wrong with it. */
export function parseRecord(text: string): ParsedRecord | GapLine | string {
  const value = parseJson(text)
  if (typeof value === 'string') return value
  const record = value.json
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return 'not a JSON object'
  const fields = record as Readonly<Record<string, unknown>>
  if (fields['_'] === 'gap') return record as GapLine
  const { b64, data, headers, id, key, tombstone, topic } = fields
  for (const [name, field] of Object.entries({ topic, key, id, b64 }))
    if (field !== undefined && typeof field !== 'string') return `"${name}" is not a string`
  if (headers !== undefined && !isHeaders(headers)) return '"headers" is not an object of strings'
  if (b64 !== undefined && data !== undefined) return 'there are both "data" and "b64"'
  const payload = typeof b64 === 'string' ? fromBase64(b64) : data
  if (payload === null && b64 !== undefined) return '"b64" is not base64'
  return {
    topic: topic as string | undefined,
    payload,
    key: key as string | undefined,
    tombstone: tombstone === true,
    id: id as string | undefined,
    headers,
  }
}

/**
 * Parses JSON unless that would change a number: a long one that no `number` holds becomes another one. A string says
 * what is wrong.
 */
export function parseJson(text: string): { readonly json: unknown } | string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return 'not JSON'
  }
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g)) {
    if (token.startsWith('"') || isExact(token)) continue
    return `the number ${token} cannot be held exactly; quote it, or use --raw`
  }
  return { json }
}

/** Up to 15 digits are exact as a double; more are when they come back. */
function isExact(token: string): boolean {
  const digits = token
    .replace(/[eE].*$/, '')
    .replaceAll(/[^\d]/g, '')
    .replace(/^0+/, '')
  if (digits.length <= 15) return Number.isFinite(Number(token))
  return String(Number(token)) === token
}

function isHeaders(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((field) => typeof field === 'string')
  )
}

function fromBase64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}
