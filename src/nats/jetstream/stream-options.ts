import type { StreamConfig } from '@nats-io/jetstream'
import { InvalidOptionError } from '../../core/errors.ts'
import { checkPattern } from '../../core/topic.ts'
import type { StreamOptions } from './contract.ts'
import { StreamConflictError, UnsafeStreamError } from './errors.ts'

const toNanos = 1e6
const defaultDuplicateWindowMs = 120_000

export type Retention = NonNullable<StreamOptions['retention']>

/** Throws `InvalidOptionError` or `UnsafeStreamError` for streams that cannot be meant. */
export function checkStreams(streams: readonly StreamOptions[], publishDeadlineMs: number): void {
  if (!Array.isArray(streams) || streams.length === 0)
    throw new InvalidOptionError('streams', streams, 'Give at least one stream: { name, topics }.')
  for (const stream of streams) checkStream(stream, publishDeadlineMs)
  const names = streams.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new InvalidOptionError('streams', twice, 'Name each stream once.')
}

function checkStream(stream: StreamOptions, publishDeadlineMs: number): void {
  const { discard, duplicateWindowMs, maxAgeMs, name, retention, storage, topics } = stream
  if (typeof name !== 'string' || !/^[\w-]{1,255}$/.test(name))
    throw new InvalidOptionError('streams.name', name, 'Use letters, digits, "-" and "_".')
  if (!Array.isArray(topics) || topics.length === 0)
    throw new InvalidOptionError('streams.topics', topics, 'Give at least one pattern.')
  for (const pattern of topics) checkPattern(pattern)
  oneOf('retention', retention, ['limits', 'work-queue', 'interest'])
  oneOf('discard', discard, ['old', 'new'])
  oneOf('storage', storage, ['file', 'memory'])
  for (const option of ['maxAgeMs', 'maxBytes', 'maxMessages', 'maxMessageBytes', 'replicas'] as const)
    positive(`streams.${option}`, stream[option])
  if (retention === 'work-queue' && discard === 'old') throw new UnsafeStreamError(name)
  if (duplicateWindowMs === undefined) return
  positive('streams.duplicateWindowMs', duplicateWindowMs)
  if (duplicateWindowMs < Math.min(publishDeadlineMs, maxAgeMs ?? Number.POSITIVE_INFINITY))
    throw new InvalidOptionError(
      'streams.duplicateWindowMs',
      duplicateWindowMs,
      `A message may be sent again for ${publishDeadlineMs} ms (publishDeadlineMs): the server must know its id for so long.`,
    )
}

function positive(option: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return
  throw new InvalidOptionError(option, value, 'Give a whole number from 1.')
}

function oneOf(option: string, value: unknown, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value as string)) return
  throw new InvalidOptionError(`streams.${option}`, value, `Use one of ${allowed.join(', ')}.`)
}

/** What the server is asked to make. */
export function streamConfig(options: StreamOptions, publishDeadlineMs: number): Partial<StreamConfig> {
  const { maxAgeMs, maxBytes, maxMessageBytes, maxMessages, name, replicas, topics } = options
  const retention = options.retention ?? 'limits'
  const atLeastMs = Math.max(defaultDuplicateWindowMs, publishDeadlineMs)
  const windowMs = options.duplicateWindowMs ?? Math.min(atLeastMs, maxAgeMs ?? atLeastMs)
  return {
    name,
    subjects: [...topics],
    retention: toServer(retention),
    discard: options.discard ?? (retention === 'limits' ? 'old' : 'new'),
    storage: options.storage ?? 'file',
    num_replicas: replicas ?? 1,
    duplicate_window: windowMs * toNanos,
    ...(maxAgeMs === undefined ? {} : { max_age: maxAgeMs * toNanos }),
    ...(maxBytes === undefined ? {} : { max_bytes: maxBytes }),
    ...(maxMessages === undefined ? {} : { max_msgs: maxMessages }),
    ...(maxMessageBytes === undefined ? {} : { max_msg_size: maxMessageBytes }),
  }
}

/** Compares a stream that is there with what was asked for: throws `UnsafeStreamError` or `StreamConflictError`. */
export function compareStream(options: StreamOptions, has: StreamConfig): void {
  const { name, topics } = options
  if (has.retention === 'workqueue' && has.discard === 'old') throw new UnsafeStreamError(name)
  const [kept, wanted] = [has.subjects.toSorted(), [...topics].toSorted()]
  if (kept.join(' ') !== wanted.join(' ')) throw new StreamConflictError(name, 'topics', kept, wanted)
  const found: Partial<Record<keyof StreamOptions, unknown>> = {
    retention: fromServer(has.retention),
    discard: has.discard,
    storage: has.storage,
    replicas: has.num_replicas,
    maxAgeMs: has.max_age / toNanos,
    maxBytes: has.max_bytes,
    maxMessages: has.max_msgs,
    maxMessageBytes: has.max_msg_size,
    duplicateWindowMs: has.duplicate_window / toNanos,
  }
  for (const [option, value] of Object.entries(found)) {
    const asked = options[option as keyof StreamOptions]
    if (asked !== undefined && asked !== value) throw new StreamConflictError(name, option, value, asked)
  }
}

function toServer(retention: Retention): StreamConfig['retention'] {
  return retention === 'work-queue' ? 'workqueue' : retention
}

export function fromServer(retention: StreamConfig['retention']): Retention {
  return retention === 'workqueue' ? 'work-queue' : retention
}
