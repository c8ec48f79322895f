import { SpillwayError } from '../core/errors.ts'

/** A topic that Spillway allows and Kafka does not: its names hold only letters, digits, `.`, `_` and `-`, up to 249. */
export class KafkaTopicError extends SpillwayError {
  override readonly name = 'KafkaTopicError'
  override readonly code = 'SPW_KAFKA_TOPIC'
  readonly topic: string

  constructor(topic: string, why: string) {
    const shown = topic.length > 60 ? `${topic.slice(0, 60)}…` : topic
    super(
      `"${shown}" cannot be a topic of Kafka: ${why}. Use letters, digits, ".", "_" and "-", at most 249 of them.`,
    )
    this.topic = topic
  }
}

/** An offset is a place in one partition, and this topic has several: there is no such place in all of them. */
export class PartitionedTopicError extends SpillwayError {
  override readonly name = 'PartitionedTopicError'
  override readonly code = 'SPW_PARTITIONED_TOPIC'
  readonly topic: string
  readonly partitions: number

  constructor(topic: string, partitions: number) {
    super(
      `"${topic}" has ${partitions} partitions, each with offsets of its own, so one offset says nothing about it. Begin at ` +
        `"start", "end", −n (of each partition) or a Date.`,
    )
    this.topic = topic
    this.partitions = partitions
  }
}

/** The server refused what a group or a reader asked for, for good. `cause` is what it said. */
export class KafkaRequestError extends SpillwayError {
  override readonly name = 'KafkaRequestError'
  override readonly code = 'SPW_KAFKA_REQUEST'

  constructor(what: string, options?: { readonly cause?: unknown }) {
    const { cause } = options ?? {}
    const why = cause instanceof Error ? `: ${cause.message}` : ''
    super(`${what} failed${why}. See cause.`, options)
  }
}
