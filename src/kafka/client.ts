/** The parts of the KafkaJS-shaped clients that the drivers call: their own types differ in much that is not used here. */

export interface ClientHeaders {
  readonly [name: string]: Uint8Array | string | readonly (Uint8Array | string)[] | undefined
}

/** A record on its way to the server. Clients write into it. */
export interface ClientRecord {
  key: Buffer | null
  value: Buffer | null
  partition?: number
  headers?: Record<string, Buffer>
  timestamp?: string
}

/** A record that came from the server. */
export interface FetchedRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: ClientHeaders | undefined
  readonly timestamp: string
  readonly offset: string
}

export interface SentMetadata {
  readonly topicName: string
  readonly partition: number
  readonly baseOffset?: string
  readonly offset?: string
}

export interface ProducerClient {
  connect(): Promise<void>
  disconnect(): Promise<void>
  send(record: {
    readonly topic: string
    readonly messages: readonly ClientRecord[]
    readonly acks?: number
    readonly timeout?: number
  }): Promise<readonly SentMetadata[]>
  flush(options: { timeout: number }): Promise<void>
}

export interface ClientBatch {
  readonly batch: {
    readonly topic: string
    readonly partition: number
    readonly messages: readonly FetchedRecord[]
    lastOffset(): string
  }
  resolveOffset(offset: string): void
  heartbeat(): Promise<void>
  isStale(): boolean
  readonly commitOffsetsIfNecessary: (offsets?: {
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
    }[]
  }) => Promise<void>
}

interface PlacedPartition {
  readonly topic: string
  readonly partition: number
  readonly offset: string
}

interface PartitionsOf {
  readonly topic: string
  readonly partitions: readonly number[]
}

export interface ConsumerClient {
  connect(): Promise<void>
  disconnect(): Promise<void>
  subscribe(what: {
    readonly topics: readonly string[]
    readonly fromBeginning?: boolean
    readonly replace?: boolean
  }): Promise<void>
  run(config: {
    readonly autoCommit?: boolean
    readonly eachBatchAutoResolve: boolean
    readonly partitionsConsumedConcurrently: number
    readonly eachBatch: (batch: ClientBatch) => Promise<void>
  }): Promise<void>
  stop(): Promise<void>
  seek(place: PlacedPartition): void
  pause(parts: readonly PartitionsOf[]): void
  resume(parts: readonly PartitionsOf[]): void
  commitOffsets(places: readonly PlacedPartition[]): Promise<void>
  committed(
    parts: readonly { readonly topic: string; readonly partition: number }[],
    timeoutMs: number,
  ): Promise<
    readonly { readonly topic: string; readonly partition: number; readonly offset: string | null }[]
  >
  on(event: string, listener: (event: { readonly payload: unknown }) => void): unknown
}

interface TopicMetadata {
  readonly name: string
  readonly partitions: readonly { readonly partitionId: number }[]
}

export interface AdminClient {
  connect(): Promise<void>
  disconnect(): Promise<void>
  listTopics(options?: { timeout: number }): Promise<readonly string[]>
  createTopics(options: {
    readonly timeout: number
    readonly waitForLeaders?: boolean
    readonly topics: readonly {
      readonly topic: string
      readonly numPartitions?: number
      readonly replicationFactor?: number
      readonly configEntries?: readonly { readonly name: string; readonly value: string }[]
    }[]
  }): Promise<boolean>
  fetchTopicMetadata(options: {
    readonly topics: readonly string[]
    readonly timeout?: number
  }): Promise<readonly TopicMetadata[] | { readonly topics: readonly TopicMetadata[] }>
  fetchTopicOffsets(
    topic: string,
    options?: { timeout: number },
  ): Promise<readonly { readonly partition: number; readonly low: string; readonly high: string }[]>
  fetchTopicOffsetsByTimestamp(
    topic: string,
    timestamp: number,
    options?: { timeout: number },
  ): Promise<readonly { readonly partition: number; readonly offset: string }[]>
  fetchOffsets(options: {
    readonly groupId: string
    readonly topics?: readonly string[]
    readonly timeout?: number
  }): Promise<
    readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
    }[]
  >
}
