import { type Clock, systemClock } from '../core/clock.ts'
import { InvalidOptionError } from '../core/errors.ts'
import { duration, wholeNumber } from '../core/settings.ts'
import type { CommitSettings } from './commits.ts'
import type { KafkaBrokerOptions, KafkaConsuming, KafkaEngine } from './contract.ts'
import type { ConsumerSettings } from './driver.ts'
import type { FetchLimits } from './fetched.ts'
import type { TopicSettings } from './topic-watch.ts'

export interface SendSettings {
  readonly deadlineMs: number
  readonly lingerMs: number
  readonly batchMessages: number
  readonly batchBytes: number
  readonly windowMessages: number
  readonly windowBytes: number
}

/** All options, checked and with their defaults. */
export interface KafkaSettings {
  readonly engine: KafkaEngine
  readonly clock: Clock
  readonly send: SendSettings
  readonly topics: TopicSettings
  readonly consumer: Omit<ConsumerSettings, 'groupId'>
  readonly revokeDeadlineMs: number
  readonly commits: CommitSettings
  readonly limits: FetchLimits
}

/** Checks all options before any effect; throws `InvalidOptionError`. */
export function kafkaSettings(options: KafkaBrokerOptions): KafkaSettings {
  const { batching = {}, consuming = {}, topics = {}, window = {} } = options
  const engine = engineOf(options)
  const { consumer, revokeDeadlineMs } = consumerSettings(consuming, engine)
  return {
    engine,
    clock: options.clock ?? systemClock,
    send: {
      deadlineMs: duration('publishDeadlineMs', options.publishDeadlineMs, 30_000),
      lingerMs: duration('batching.lingerMs', batching.lingerMs, 0),
      batchMessages: wholeNumber('batching.messages', batching.messages, 1000),
      batchBytes: wholeNumber('batching.bytes', batching.bytes, 512 * 1024),
      windowMessages: wholeNumber('window.messages', window.messages, 10_000),
      windowBytes: wholeNumber('window.bytes', window.bytes, 32 * 1024 * 1024),
    },
    topics: {
      create: topics.create === true,
      partitions: optionalCount('topics.partitions', topics.partitions),
      replicas: optionalCount('topics.replicas', topics.replicas),
      config: { ...topics.config },
      refreshMs: wholeNumber('topics.refreshMs', topics.refreshMs, 5000),
    },
    consumer,
    revokeDeadlineMs,
    commits: {
      commitMs: duration('consuming.commitMs', consuming.commitMs, 1000),
      commitMessages: wholeNumber('consuming.commitMessages', consuming.commitMessages, 1000),
      verify: options.verifyCommits ?? engine === 'confluent',
    },
    limits: {
      messages: wholeNumber('consuming.bufferMessages', consuming.bufferMessages, 2048),
      bytes: wholeNumber('consuming.bufferBytes', consuming.bufferBytes, 8 * 1024 * 1024),
    },
  }
}

function engineOf({ engine, kafka }: KafkaBrokerOptions): KafkaEngine {
  const given = kafka as unknown
  const shaped =
    typeof given === 'object' &&
    given !== null &&
    (['producer', 'consumer', 'admin'] as const).every(
      (name) => typeof (given as Partial<Record<string, unknown>>)[name] === 'function',
    )
  if (!shaped)
    throw new InvalidOptionError(
      'kafka',
      kafka,
      'Give the Kafka object of kafkajs, or of KafkaJS in @confluentinc/kafka-javascript.',
    )
  if (engine !== undefined && engine !== 'kafkajs' && engine !== 'confluent')
    throw new InvalidOptionError('engine', engine, 'Use "kafkajs" or "confluent".')
  // Only the object of kafkajs hands out its logger.
  return engine ?? (typeof (kafka as { logger?: unknown }).logger === 'function' ? 'kafkajs' : 'confluent')
}

function consumerSettings(
  consuming: KafkaConsuming,
  engine: KafkaEngine,
): Pick<KafkaSettings, 'consumer' | 'revokeDeadlineMs'> {
  const { protocol = 'classic' } = consuming
  if (protocol !== 'classic' && (protocol !== 'consumer' || engine === 'kafkajs'))
    throw new InvalidOptionError(
      'consuming.protocol',
      protocol,
      'Use "classic"; "consumer" needs the engine "confluent".',
    )
  const sessionTimeoutMs = wholeNumber('consuming.sessionTimeoutMs', consuming.sessionTimeoutMs, 30_000)
  const heartbeatMs = wholeNumber(
    'consuming.heartbeatMs',
    consuming.heartbeatMs,
    Math.max(1, Math.min(3000, Math.floor(sessionTimeoutMs / 3))),
  )
  const rebalanceTimeoutMs = wholeNumber('consuming.rebalanceTimeoutMs', consuming.rebalanceTimeoutMs, 60_000)
  const revokeDeadlineMs = duration(
    'consuming.revokeDeadlineMs',
    consuming.revokeDeadlineMs,
    Math.min(10_000, Math.floor(Math.min(sessionTimeoutMs, rebalanceTimeoutMs) / 2)),
  )
  if (heartbeatMs >= sessionTimeoutMs)
    throw new InvalidOptionError(
      'consuming.heartbeatMs',
      heartbeatMs,
      'It must be less than sessionTimeoutMs.',
    )
  // Who waits longer than that has left the group, and what it then commits is refused.
  if (revokeDeadlineMs >= Math.min(sessionTimeoutMs, rebalanceTimeoutMs))
    throw new InvalidOptionError(
      'consuming.revokeDeadlineMs',
      revokeDeadlineMs,
      'It must be less than sessionTimeoutMs and rebalanceTimeoutMs.',
    )
  return { consumer: { sessionTimeoutMs, heartbeatMs, rebalanceTimeoutMs, protocol }, revokeDeadlineMs }
}

function optionalCount(option: string, value: number | undefined): number | undefined {
  return value === undefined ? undefined : wholeNumber(option, value, 1)
}
