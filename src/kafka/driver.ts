import type { FetchedRecord } from './client.ts'
import type { KafkaEngine } from './contract.ts'

/**
 * The port between the broker and a client. What differs between the engines ends here: how they are configured, when a
 * partition is given away, what a commit's promise means, and how a partition is stopped.
 */
export interface KafkaDriver {
  readonly engine: KafkaEngine
  /** A commit that resolves is on the server. Where it is not so, offsets have to be read back. */
  readonly confirmsCommits: boolean
  producer(settings: ProducerSettings): ProducerDriver
  consumer(settings: ConsumerSettings, events: ConsumerEvents): ConsumerDriver
  admin(): AdminDriver
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A place in a partition: of a consumer, the next offset it reads; of a commit, the first that is not handled. */
export interface PartitionOffset extends TopicPartition {
  readonly offset: number
}

export interface ProducerSettings {
  /** How long the client itself may go on trying, in milliseconds. */
  readonly deadlineMs: number
  readonly lingerMs: number
}

export interface ConsumerSettings {
  readonly groupId: string
  readonly sessionTimeoutMs: number
  readonly heartbeatMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocol: 'classic' | 'consumer'
}

/** A record as it is sent. */
export interface OutRecord {
  readonly key: string | undefined
  /** `null` is a tombstone. */
  readonly value: Uint8Array | null
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly time: number
}

/** What became of one record. `certain`: the server does not have it. */
export type SendResult =
  | { readonly partition: number; readonly offset: number }
  | { readonly error: unknown; readonly certain: boolean; readonly down: boolean }

export interface ProducerDriver {
  /** How many calls of `send` for one topic may be open without endangering its order. */
  readonly sendsAtOnce: number
  /** Sends in order; resolves with one result for each. Never rejects. Connects when it has to. */
  send(topic: string, records: readonly OutRecord[]): Promise<readonly SendResult[]>
  close(): Promise<void>
}

/** What a consumer tells its owner. Nothing here throws; the driver waits for the promises. */
export interface ConsumerEvents {
  /** Parts of topics are ours. Resolves with where to begin reading them. */
  assigned(parts: readonly TopicPartition[]): Promise<readonly PartitionOffset[]>
  /** Parts of topics are to be given away: they are when the promise resolves. All of them when left out. */
  revoked(parts?: readonly TopicPartition[]): Promise<void>
  /** Everything has been taken away already. */
  lost(): void
  /** Records of one partition, in order. When the promise resolves the next ones may come. */
  records(part: TopicPartition, records: readonly FetchedRecord[]): Promise<void> | void
  /** The client has given up, or come back. */
  trouble(error: unknown): void
}

export interface ConsumerDriver {
  /** Joins the group and begins to read. Resolves when the client is at work, which may be before it has joined. */
  start(topics: readonly string[]): Promise<void>
  /** Reads other topics from now on. */
  resubscribe(topics: readonly string[]): Promise<void>
  commit(places: readonly PartitionOffset[]): Promise<void>
  /** What the server has for them; undefined where it has nothing. */
  committed(parts: readonly TopicPartition[]): Promise<readonly (number | undefined)[]>
  pause(part: TopicPartition): void
  resume(part: TopicPartition): void
  seek(place: PartitionOffset): void
  /** Leaves the group. The owner has let go of everything before. */
  stop(): Promise<void>
}

/** The offsets one partition holds: from `low` up to but without `high`. */
export interface Bounds {
  readonly partition: number
  readonly low: number
  readonly high: number
}

export interface NewTopic {
  readonly topic: string
  readonly partitions: number | undefined
  readonly replicas: number | undefined
  readonly config: Readonly<Record<string, string>>
}

/** Questions to the server. Each rejects with what the client said. */
export interface AdminDriver {
  topics(): Promise<readonly string[]>
  create(topic: NewTopic): Promise<void>
  bounds(topic: string): Promise<readonly Bounds[]>
  /** The first offset of each partition whose record is not older than `ms`; `high` where there is none. */
  offsetsAt(
    topic: string,
    ms: number,
  ): Promise<readonly { readonly partition: number; readonly offset: number }[]>
  /** Committed offsets of a group, by `partitionKey`. */
  committed(group: string, topics: readonly string[]): Promise<ReadonlyMap<string, number>>
  close(): Promise<void>
}

export function partitionKey({ partition, topic }: TopicPartition): string {
  return `${topic}/${partition}`
}
