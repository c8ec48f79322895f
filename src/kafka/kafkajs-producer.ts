import type { ClientRecord, ProducerClient } from './client.ts'
import type { KafkaClient } from './contract.ts'
import type { OutRecord, ProducerDriver, ProducerSettings, SendResult } from './driver.ts'
import { partitionOf } from './murmur2.ts'
import { clientRecord } from './out-record.ts'
import { failedSend, neverSent } from './send-errors.ts'

/** One send. */
interface Attempt {
  /** The client has begun to write a request: the server may get it. */
  begun: boolean
  /** Of these the first record is watched, as the others go with it. */
  readonly partitions: Set<number>
}

/** The client leaves alone what it does not know. */
interface SentRecord extends ClientRecord {
  readonly attempt: Attempt
}

/** What `kafkajs` asks its partitioner. */
interface Question {
  readonly partitionMetadata: readonly { readonly partitionId: number }[]
  readonly message: SentRecord
}

/**
 * Sends with `kafkajs`. One request at a time for each topic: what comes meanwhile is the next one, and its order cannot
 * be lost by a repetition.
 *
 * After a send whose outcome is unknown the client would give the next batch the same sequence number, and the server
 * take it for the one before and answer that it has it. So such a producer is given up, and a new one has a new id.
 */
export class KafkajsProducer implements ProducerDriver {
  readonly sendsAtOnce = 1
  readonly #kafka: KafkaClient
  readonly #settings: ProducerSettings
  #turn = 0
  #client: Promise<ProducerClient> | undefined

  constructor(kafka: KafkaClient, settings: ProducerSettings) {
    this.#kafka = kafka
    this.#settings = settings
  }

  async send(topic: string, records: readonly OutRecord[]): Promise<readonly SendResult[]> {
    let client: ProducerClient
    try {
      client = await this.#connected()
    } catch (error) {
      return records.map(() => neverSent(error))
    }
    const now = Date.now() // which the client writes where there is no time
    const attempt: Attempt = { begun: false, partitions: new Set() }
    const messages = records.map((record) => Object.assign(clientRecord(record, now), { attempt }))
    this.#turn++
    try {
      const answers = await client.send({ topic, messages, acks: -1 })
      return this.#results(messages, answers)
    } catch (error) {
      const failure = failedSend(error)
      const certain = 'certain' in failure && failure.certain
      if (!certain) this.#abandon(client)
      return records.map(() => (certain || attempt.begun ? failure : neverSent(error)))
    }
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.then((producer) => producer.disconnect()).catch(() => undefined) // it is gone either way
  }

  /** Each partition got its records in one piece: what the first got tells what the others have. */
  #results(
    messages: readonly ClientRecord[],
    answers: readonly {
      readonly partition: number
      readonly baseOffset?: string
      readonly offset?: string
    }[],
  ): readonly SendResult[] {
    const next = new Map(
      answers.map(({ baseOffset, offset, partition }) => [partition, Number(baseOffset ?? offset)]),
    )
    return messages.map((message) => {
      const partition = message.partition ?? 0 // the partitioner has left it there
      const offset = next.get(partition) ?? -1
      next.set(partition, offset + 1)
      return { partition, offset }
    })
  }

  #connected(): Promise<ProducerClient> {
    this.#client ??= this.#connect()
    return this.#client
  }

  async #connect(): Promise<ProducerClient> {
    const { deadlineMs } = this.#settings
    const client = this.#kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner: () => (question: Question) => this.#choose(question),
      // Limited, because a send cannot be called off: it would go on after its deadline, and after `close`.
      retry: {
        initialRetryTime: 100,
        maxRetryTime: 1000,
        retries: 3 + Math.ceil(Math.min(deadlineMs, 1e6) / 1000),
      },
    }) as ProducerClient
    try {
      await client.connect()
      return client
    } catch (error) {
      this.#client = undefined
      throw error
    }
  }

  #abandon(client: ProducerClient): void {
    const current = this.#client
    void current?.then((producer) => {
      if (producer === client && this.#client === current) this.#client = undefined
    })
    void client.disconnect().catch(() => undefined) // nobody waits for it any more
  }

  /** Keyed records go where every other client puts the key; those without travel together, each batch elsewhere. */
  #choose({ message, partitionMetadata }: Question): number {
    if (message.partition !== undefined) return message.partition // of an attempt before
    const count = partitionMetadata.length
    const partition = message.key === null ? this.#turn % count : partitionOf(message.key, count)
    message.partition = partition
    const { partitions } = message.attempt
    if (!partitions.has(partition)) {
      partitions.add(partition)
      watch(message)
    }
    return partition
  }
}

/**
 * The client does not tell whether a send that failed was ever written, or whether it tried to connect all the time. But it
 * reads the time of a record only to write it, on a connection that stands.
 */
function watch(record: SentRecord): void {
  const { attempt, timestamp } = record
  Object.defineProperty(record, 'timestamp', {
    enumerable: true,
    get() {
      attempt.begun = true
      return timestamp
    },
  })
}
