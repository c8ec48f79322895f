import type { SendResult } from './driver.ts'

interface ClientError {
  readonly code?: unknown
  readonly type?: unknown
  readonly name?: unknown
  readonly cause?: unknown
}

/**
 * Errors after which it is certain that the record is not in the log: the server has checked and refused it, or the
 * client has not sent it. By the names of the protocol, which `kafkajs` uses, and the codes, which are librdkafka's too.
 * After all others, above all timeouts and closed connections, the server may have it.
 */
const certain: ReadonlySet<unknown> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_TOPIC_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'NOT_ENOUGH_REPLICAS',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  'POLICY_VIOLATION',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  10, // message too large
  18, // record list too large
  17, // invalid topic
  29, // topic authorization
  31, // cluster authorization
  19, // not enough replicas
  3, // unknown topic or partition
  43, // unsupported for message format
  44, // policy violation
  87, // invalid record
  32, // invalid timestamp
  -184, // local: queue full
  -188, // local: unknown topic
  -190, // local: unknown partition
])

/** The last `kafkajs` that wrapped it says only how often it has tried. */
export function rootCause(error: unknown): unknown {
  let root = error
  for (let depth = 0; depth < 8; depth++) {
    const { cause } = (root ?? {}) as ClientError
    if (cause === undefined || cause === null || cause === root) break
    root = cause
  }
  return root
}

/** What a failed send means. */
export function failedSend(error: unknown): SendResult {
  const root = rootCause(error)
  const { code, type } = (root ?? {}) as ClientError
  return { error: root, certain: certain.has(type) || certain.has(code), down: false }
}

/** What it means when the client could not even connect. */
export function neverSent(error: unknown): SendResult {
  return { error: rootCause(error), certain: true, down: true }
}

/** The server has refused a record for what it is: others in the same request may pass without it. */
export function isAboutRecord(result: SendResult | undefined): boolean {
  return isOneOf(result, aboutRecords)
}

/** There is no such topic, or not any more. */
export function isUnknownTopic(result: SendResult | undefined): boolean {
  return isOneOf(result, unknownTopics)
}

const aboutRecords: ReadonlySet<unknown> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  10,
  18,
  87,
  32,
])
const unknownTopics: ReadonlySet<unknown> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 3, -188])

function isOneOf(result: SendResult | undefined, errors: ReadonlySet<unknown>): boolean {
  if (result === undefined || !('error' in result)) return false
  const { code, type } = (result.error ?? {}) as ClientError
  return errors.has(type) || errors.has(code)
}
