import { ClientAdmin } from './admin-driver.ts'
import { roundRobin } from './assigner.ts'
import type { AdminClient, ClientBatch, ConsumerClient } from './client.ts'
import type { KafkaClient } from './contract.ts'
import {
  type ConsumerDriver,
  type ConsumerEvents,
  type ConsumerSettings,
  partitionKey,
  type PartitionOffset,
  type TopicPartition,
} from './driver.ts'

/** Partitions whose records may be handed over at the same time. */
const concurrency = 8
/** How long the server may wait for records, in milliseconds: also how long a resumed partition may have to wait. */
const longestFetchMs = 100
const restartMs = 1000
/** How long a join that is under way may take before the member goes without leaving, in milliseconds. */
const longestJoinMs = 10_000

/** The server wants the group to gather: what makes `kafkajs` try to join again a little later. */
class NotYetError extends Error {
  readonly type = 'REBALANCE_IN_PROGRESS'
}

/**
 * A member of a group, by `kafkajs`. The client gives no notice before partitions are given away; but it asks its
 * assigner before each join, and that one refuses until the owner has let go of what it has.
 */
export class KafkajsConsumer implements ConsumerDriver {
  readonly #kafka: KafkaClient
  readonly #settings: ConsumerSettings
  readonly #events: ConsumerEvents
  readonly #admin: ClientAdmin
  #client: ConsumerClient | undefined
  /** Of the batch that came last: commits once, and is answered. The client's own commit repeats itself in a later generation. */
  #commit: ClientBatch['commitOffsetsIfNecessary'] | undefined
  /** The owner holds parts; a join has to wait. */
  #holding = false
  #letting: Promise<void> | undefined
  #generation = 0
  /** The client's first join: until it is over there is no leaving. */
  #joining: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(kafka: KafkaClient, settings: ConsumerSettings, events: ConsumerEvents) {
    this.#kafka = kafka
    this.#settings = settings
    this.#events = events
    this.#admin = new ClientAdmin(() => kafka.admin({ retry: { retries: 1 } }) as AdminClient)
  }

  async start(topics: readonly string[]): Promise<void> {
    const { groupId, heartbeatMs, rebalanceTimeoutMs, sessionTimeoutMs } = this.#settings
    const client = this.#kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      heartbeatInterval: heartbeatMs,
      maxWaitTimeInMs: longestFetchMs,
      allowAutoTopicCreation: false,
      partitionAssigners: [roundRobin(() => this.#mayJoin())],
      retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 1e6 },
    }) as ConsumerClient
    client.on('consumer.group_join', ({ payload }) => this.#joined(payload))
    client.on('consumer.crash', ({ payload }) => this.#crashed(client, payload))
    await client.connect()
    this.#client = client
    if (!this.#stopped) await client.subscribe({ topics, fromBeginning: true })
    // Who stopped it meanwhile found nothing to leave, or cut off what has connected again.
    if (this.#stopped) await this.#disconnect()
    else await this.#run(client)
  }

  async resubscribe(topics: readonly string[]): Promise<void> {
    const client = this.#client
    if (client === undefined) return
    await this.#letGo()
    await client.stop()
    this.#commit = undefined
    await client.subscribe({ topics, fromBeginning: true })
    if (!this.#stopped) await this.#run(client)
  }

  async commit(places: readonly PartitionOffset[]): Promise<void> {
    if (this.#commit === undefined || this.#stopped) {
      const strings = places.map(({ offset, ...part }) => ({ ...part, offset: String(offset) }))
      await this.#client?.commitOffsets(strings)
      return
    }
    const topics = [...new Set(places.map(({ topic }) => topic))].map((topic) => ({
      topic,
      partitions: places
        .filter((place) => place.topic === topic)
        .map(({ offset, partition }) => ({ partition, offset: String(offset) })),
    }))
    await this.#commit({ topics })
  }

  async committed(parts: readonly TopicPartition[]): Promise<readonly (number | undefined)[]> {
    const topics = [...new Set(parts.map(({ topic }) => topic))]
    const found = await this.#admin.committed(this.#settings.groupId, topics)
    return parts.map((part) => found.get(partitionKey(part)))
  }

  pause({ partition, topic }: TopicPartition): void {
    this.#client?.pause([{ topic, partitions: [partition] }])
  }

  resume({ partition, topic }: TopicPartition): void {
    this.#client?.resume([{ topic, partitions: [partition] }])
  }

  seek({ offset, ...part }: PartitionOffset): void {
    this.#client?.seek({ ...part, offset: String(offset) })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#holding = false
    await this.#leave()
    await this.#admin.close()
  }

  /**
   * A client that is told to go while it joins for the first time does not leave: the server would count on it until its
   * session is over, and the others of the group wait so long.
   */
  async #leave(): Promise<void> {
    let cancel: () => void = () => undefined
    const late = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, longestJoinMs)
      cancel = () => clearTimeout(timer)
    })
    await Promise.race([this.#joining, late])
    cancel()
    await this.#disconnect()
  }

  async #disconnect(): Promise<void> {
    await this.#client?.disconnect().catch(() => undefined) // what it still has ends with its connections
  }

  async #run(client: ConsumerClient): Promise<void> {
    const running = client.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: concurrency,
      eachBatch: (batch) => this.#batch(batch),
    })
    this.#joining = running.catch(() => undefined)
    await running
  }

  async #batch(payload: ClientBatch): Promise<void> {
    if (payload.isStale() || this.#stopped) return // fetched before a seek: it will be fetched again
    this.#commit = payload.commitOffsetsIfNecessary
    const { messages, partition, topic } = payload.batch
    payload.resolveOffset(payload.batch.lastOffset())
    await this.#events.records({ topic, partition }, messages)
  }

  /** Throws while there is something to let go of. */
  #mayJoin(): void {
    if (!this.#holding || this.#stopped) return
    void this.#letGo()
    throw new NotYetError('What the member has in hand is being finished.')
  }

  async #letGo(): Promise<void> {
    if (!this.#holding) return
    this.#letting ??= this.#events.revoked().then(() => {
      this.#letting = undefined
      this.#holding = false
    })
    await this.#letting
  }

  #joined(payload: unknown): void {
    const { memberAssignment } = payload as { memberAssignment: Record<string, readonly number[]> }
    const parts = Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    )
    const generation = ++this.#generation
    this.#holding = parts.length > 0
    for (const part of parts) this.pause(part) // until it is known where to begin
    void this.#events.assigned(parts).then((places) => {
      if (generation !== this.#generation || this.#stopped) return
      for (const place of places) {
        this.seek(place)
        this.resume(place)
      }
    })
  }

  #crashed(client: ConsumerClient, payload: unknown): void {
    const { error, restart } = payload as { error: unknown; restart: boolean }
    this.#generation++
    this.#holding = false
    this.#commit = undefined
    this.#events.lost()
    this.#events.trouble(error)
    if (this.#stopped) {
      // The client begins again all the same, once it has told this: it has to be told once more.
      if (restart) setImmediate(() => void this.#disconnect())
      return
    }
    if (restart) return
    setTimeout(() => {
      if (!this.#stopped && this.#client === client)
        this.#run(client).catch((again: unknown) => this.#events.trouble(again))
    }, restartMs).unref()
  }
}
