import { headers as newHeaders, type MsgHdrs } from '@nats-io/nats-core'
import { InvalidOptionError } from '../core/errors.ts'
import type { Headers } from '../core/message.ts'
import { contentTypeHeader } from '../remote/wire.ts'

/** Carries the id of a message. A stream of JetStream drops a second message with the same one. */
export const idHeader = 'Nats-Msg-Id'
/** Carries when a message was published: milliseconds since 1970. */
export const timeHeader = 'Spillway-Time'

/** What travels as headers. */
export interface HeaderSource {
  readonly headers?: Headers | undefined
  readonly id?: string | undefined
  /** Travels only together with others: by itself it is not worth the price of headers. */
  readonly time?: number | undefined
  readonly contentType?: string | undefined
}

/** What came as headers. */
export interface HeaderContent {
  readonly headers: Headers
  readonly id: string | undefined
  readonly time: number | undefined
  /** Found in any case. */
  readonly contentType: string | undefined
}

const noContent: HeaderContent = Object.freeze({
  headers: Object.freeze({}),
  id: undefined,
  time: undefined,
  contentType: undefined,
})
const ourNames: readonly string[] = [idHeader, timeHeader].map((name) => name.toLowerCase())

/**
 * Headers for NATS; undefined when there is nothing to say, which is twice as fast. What arrives is what was given, to
 * the letter: throws `InvalidOptionError` for what NATS would refuse, trim, or take for something else. A `content-type` that
 * was given wins over that of the encoding.
 */
export function toNatsHeaders({ contentType, headers, id, time }: HeaderSource): MsgHdrs | undefined {
  if (contentType === undefined && headers === undefined && id === undefined) return undefined
  const result = newHeaders()
  let saysType = false
  if (headers !== undefined) {
    for (const [name, value] of Object.entries(headers)) {
      checkName(name)
      checkValue(`headers.${name}`, value)
      result.set(name, value)
      saysType ||= isContentType(name)
    }
  }
  if (contentType !== undefined && !saysType) result.set(contentTypeHeader, contentType)
  if (id !== undefined) {
    checkValue('id', id)
    result.set(idHeader, id)
  }
  if (result.keys().length === 0) return undefined
  if (time !== undefined) result.set(timeHeader, String(time))
  return result
}

/** What NATS headers say. Several values of one name are joined by ", ", as in HTTP. */
export function fromNatsHeaders(received: MsgHdrs | undefined): HeaderContent {
  if (received === undefined) return noContent
  const entries: [string, string][] = []
  let id: string | undefined
  let time: number | undefined
  let contentType: string | undefined
  for (const [name, values] of received) {
    if (name === idHeader) id = values[0]
    else if (name === timeHeader) time = Number(values[0])
    else entries.push([name, values.join(', ')])
    if (isContentType(name)) contentType = values[0]
  }
  // Makes own properties, also of a header that is called __proto__.
  const headers = Object.freeze(Object.fromEntries(entries))
  return {
    headers,
    id: id === '' ? undefined : id,
    time: Number.isFinite(time) ? time : undefined,
    contentType,
  }
}

function isContentType(name: string): boolean {
  return name.length === contentTypeHeader.length && name.toLowerCase() === contentTypeHeader
}

/** How many bytes the headers take on the wire: they count towards the largest message that the server takes. */
export function headerBytes(headers: MsgHdrs): number {
  let bytes = 'NATS/1.0\r\n\r\n'.length
  for (const [name, values] of headers) {
    for (const value of values) bytes += name.length + ': \r\n'.length + utf8Length(value)
  }
  return bytes
}

function checkName(name: string): void {
  if (!/^[!-9;-~]+$/.test(name))
    throw new InvalidOptionError(
      `headers.${name}`,
      name,
      'Names of headers in NATS are printable ASCII without spaces and colons.',
    )
  if (ourNames.includes(name.toLowerCase()))
    throw new InvalidOptionError(`headers.${name}`, name, 'Give the id as an option: this header carries it.')
}

function checkValue(option: string, value: string): void {
  if (/[\r\n]/.test(value))
    throw new InvalidOptionError(option, value, 'Headers of NATS are single lines: no CR and no LF.')
  if (value !== value.trim())
    throw new InvalidOptionError(
      option,
      value,
      'NATS takes away white space at the ends of a header: trim it.',
    )
  if (/\p{Surrogate}/u.test(value))
    throw new InvalidOptionError(option, value, 'It has half of a surrogate pair, which UTF-8 cannot carry.')
}

function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    // Both halves of a pair are counted: two units, four bytes.
    if (code > 0x7f) bytes += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1
  }
  return bytes
}
