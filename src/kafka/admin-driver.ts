import type { AdminClient } from './client.ts'
import { type AdminDriver, type Bounds, type NewTopic, partitionKey } from './driver.ts'

/** How long a question may take, in milliseconds. */
const timeoutMs = 5000
const againMs = 200

/**
 * Questions to the server, by the admin client, which both engines have in almost one form. It connects when it is first
 * asked, and anew after it could not.
 */
export class ClientAdmin implements AdminDriver {
  readonly #make: () => AdminClient
  #client: AdminClient | undefined
  #ready: Promise<AdminClient> | undefined

  constructor(make: () => AdminClient) {
    this.#make = make
  }

  async topics(): Promise<readonly string[]> {
    const client = await this.#connected()
    return client.listTopics({ timeout: timeoutMs })
  }

  async create({ config, partitions, replicas, topic }: NewTopic): Promise<void> {
    const client = await this.#connected()
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    // False when it was there already, which is as good.
    await client.createTopics({
      timeout: timeoutMs,
      topics: [
        {
          topic,
          ...(partitions === undefined ? {} : { numPartitions: partitions }),
          ...(replicas === undefined ? {} : { replicationFactor: replicas }),
          configEntries,
        },
      ],
    })
  }

  async bounds(topic: string): Promise<readonly Bounds[]> {
    const client = await this.#connected()
    const found = await client.fetchTopicOffsets(topic, { timeout: timeoutMs })
    return found.map(({ high, low, partition }) => ({ partition, low: Number(low), high: Number(high) }))
  }

  async offsetsAt(
    topic: string,
    ms: number,
  ): Promise<readonly { readonly partition: number; readonly offset: number }[]> {
    const client = await this.#connected()
    const found = await client.fetchTopicOffsetsByTimestamp(topic, ms, { timeout: timeoutMs })
    return found.map(({ offset, partition }) => ({ partition, offset: Number(offset) }))
  }

  async committed(group: string, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const places = new Map<string, number>()
    if (topics.length === 0) return places
    const client = await this.#connected()
    const ask = (): ReturnType<AdminClient['fetchOffsets']> =>
      client.fetchOffsets({ groupId: group, topics: [...topics], timeout: timeoutMs })
    const found = await untilThere(ask)
    for (const { partitions, topic } of found) {
      for (const { offset, partition } of partitions) {
        // What was never committed is −1 with one engine and −1001 with the other.
        if (Number(offset) >= 0) places.set(partitionKey({ topic, partition }), Number(offset))
      }
    }
    return places
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    this.#ready = undefined
    await client?.disconnect().catch(() => undefined) // it may never have been connected
  }

  #connected(): Promise<AdminClient> {
    this.#ready ??= this.#connect()
    return this.#ready
  }

  async #connect(): Promise<AdminClient> {
    const client = this.#make()
    this.#client = client
    try {
      await client.connect()
      return client
    } catch (error) {
      this.#ready = undefined
      throw error
    }
  }
}

/** A server that has just started has no coordinator for a moment, which one of the clients does not wait for. */
async function untilThere<T>(ask: () => Promise<T>): Promise<T> {
  for (let left = 5; ; left--) {
    try {
      return await ask()
    } catch (error) {
      if (left === 0 || (error as { readonly retriable?: unknown }).retriable !== true) throw error
      await new Promise((resolve) => {
        setTimeout(resolve, againMs)
      })
    }
  }
}
