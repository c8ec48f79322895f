import type { Headers, Message } from '../core/message.ts'
import type { DeadLetterReason } from './observer.ts'
import { textOf } from './reports.ts'

const prefix = 'spillway-dead-letter-'
const longestText = 1000

/** What is known of a message that died, beside itself. */
export interface Death {
  readonly reason: DeadLetterReason
  readonly attempts: number
  /** When, in milliseconds since 1970. */
  readonly at: number
  readonly error: unknown
  readonly pattern: string
  readonly group: string | undefined
}

/** The headers of a dead letter that its message did not have. */
export function deadLetterHeaders(message: Message, death: Death): Headers {
  const { name, text } = errorTexts(death.error)
  const { offset, partition } = message as { readonly offset?: number; readonly partition?: number }
  const all: Record<string, string | number | undefined> = {
    reason: death.reason,
    attempts: death.attempts,
    topic: message.topic,
    id: message.id,
    time: message.time,
    offset,
    partition,
    group: death.group,
    pattern: death.pattern,
    at: death.at,
    error: name,
    message: text,
  }
  const headers: Record<string, string> = {}
  for (const [field, value] of Object.entries(all)) {
    if (value !== undefined) headers[`${prefix}${field}`] = clean(String(value))
  }
  return headers
}

/** What a dead letter says about where it came from; undefined for a message that is none. */
export function headerOf(message: Message, field: 'topic' | 'pattern'): string | undefined {
  return message.headers[`${prefix}${field}`]
}

function errorTexts(error: unknown): { readonly name: string; readonly text: string } {
  if (error instanceof Error) return { name: error.name, text: error.message }
  return { name: error === null ? 'null' : typeof error, text: textOf(error) }
}

/** Headers of servers are lines of text: no line may be broken, and none may grow without end. */
function clean(text: string): string {
  // oxlint-disable-next-line no-control-regex -- those are what is meant
  const line = text.replaceAll(/[\u0000-\u001f\u007f]+/g, ' ')
  return line.length > longestText ? `${line.slice(0, longestText - 1)}…` : line
}
