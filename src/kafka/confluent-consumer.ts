import type { ClientBatch, ConsumerClient } from './client.ts'
import type { KafkaClient } from './contract.ts'
import type {
  ConsumerDriver,
  ConsumerEvents,
  ConsumerSettings,
  PartitionOffset,
  TopicPartition,
} from './driver.ts'

/** Partitions whose records may be handed over at the same time. */
const concurrency = 8
/** Records handed over at once; the client's 32 cost half of its speed. */
const batchRecords = 1024
const readBackMs = 5000

const assign = -175
const revoke = -174

/** What librdkafka's rebalance callback is given. */
interface RebalanceCalls {
  assign(places: readonly PartitionOffset[]): void
  assignmentLost(): boolean
}

/**
 * A member of a group, by librdkafka. It heartbeats from a thread of its own, and waits before a partition is given away.
 * Its commits are handed over and not answered: they have to be read back.
 */
export class ConfluentConsumer implements ConsumerDriver {
  readonly #kafka: KafkaClient
  readonly #settings: ConsumerSettings
  readonly #events: ConsumerEvents
  #client: ConsumerClient | undefined
  #stopped = false

  constructor(kafka: KafkaClient, settings: ConsumerSettings, events: ConsumerEvents) {
    this.#kafka = kafka
    this.#settings = settings
    this.#events = events
  }

  async start(topics: readonly string[]): Promise<void> {
    const { groupId, heartbeatMs, protocol, rebalanceTimeoutMs, sessionTimeoutMs } = this.#settings
    const classic = {
      'partition.assignment.strategy': 'cooperative-sticky',
      'session.timeout.ms': sessionTimeoutMs,
      'heartbeat.interval.ms': heartbeatMs,
    }
    const client = this.#kafka.consumer({
      'group.id': groupId,
      'group.protocol': protocol,
      ...(protocol === 'classic' ? classic : {}),
      'max.poll.interval.ms': Math.max(rebalanceTimeoutMs, sessionTimeoutMs),
      'enable.auto.commit': false,
      'auto.offset.reset': 'earliest',
      'allow.auto.create.topics': false,
      'js.consumer.max.batch.size': batchRecords,
      rebalance_cb: (
        error: { readonly code: number },
        parts: readonly TopicPartition[],
        calls: RebalanceCalls,
      ) => this.#rebalance(error.code, parts, calls),
    }) as ConsumerClient
    await client.connect()
    this.#client = client
    if (this.#stopped) return await this.stop() // whoever stopped it meanwhile found nothing to leave
    await client.subscribe({ topics: [...topics] })
    await client.run({
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: concurrency,
      eachBatch: (batch) => this.#batch(batch),
    })
  }

  async resubscribe(topics: readonly string[]): Promise<void> {
    await this.#client?.subscribe({ topics: [...topics], replace: true })
  }

  async commit(places: readonly PartitionOffset[]): Promise<void> {
    await this.#client?.commitOffsets(
      places.map(({ offset, ...part }) => ({ ...part, offset: String(offset) })),
    )
  }

  async committed(parts: readonly TopicPartition[]): Promise<readonly (number | undefined)[]> {
    const found = (await this.#client?.committed(parts, readBackMs)) ?? []
    return parts.map(({ partition, topic }) => {
      const place = found.find((other) => other.topic === topic && other.partition === partition)
      const offset = place?.offset === null || place === undefined ? -1 : Number(place.offset)
      return offset >= 0 ? offset : undefined
    })
  }

  pause({ partition, topic }: TopicPartition): void {
    if (!this.#stopped) this.#client?.pause([{ topic, partitions: [partition] }])
  }

  resume({ partition, topic }: TopicPartition): void {
    if (!this.#stopped) this.#client?.resume([{ topic, partitions: [partition] }])
  }

  seek({ offset, ...part }: PartitionOffset): void {
    if (!this.#stopped) this.#client?.seek({ ...part, offset: String(offset) })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#client?.disconnect().catch(() => undefined) // what it still has ends with its connections
  }

  async #batch(payload: ClientBatch): Promise<void> {
    if (payload.isStale() || this.#stopped) return // fetched before a seek: it will be fetched again
    const { messages, partition, topic } = payload.batch
    // Before anything may pause it: the client goes back to what was not resolved when a partition is paused.
    payload.resolveOffset(payload.batch.lastOffset())
    await this.#events.records({ topic, partition }, messages)
  }

  async #rebalance(code: number, parts: readonly TopicPartition[], calls: RebalanceCalls): Promise<void> {
    if (this.#stopped) return
    if (code === assign) {
      const places = await this.#events.assigned(parts)
      if (places.length > 0) calls.assign(places)
    } else if (code === revoke) {
      if (calls.assignmentLost()) this.#events.lost()
      else await this.#events.revoked(parts)
    }
  }
}
