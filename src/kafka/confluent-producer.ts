import type { ProducerClient } from './client.ts'
import type { KafkaClient } from './contract.ts'
import type { OutRecord, ProducerDriver, ProducerSettings, SendResult } from './driver.ts'
import { clientRecord, neverEmpty } from './out-record.ts'
import { failedSend, neverSent } from './send-errors.ts'

/** The client has met an error after which it refuses everything. */
const fatal = -150

/**
 * Sends with librdkafka, which keeps the order itself and gathers messages into batches. A send of many would tell only
 * the lowest offset of each partition, so each message is a send of its own.
 */
export class ConfluentProducer implements ProducerDriver {
  readonly sendsAtOnce = 16
  readonly #kafka: KafkaClient
  readonly #settings: ProducerSettings
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
    const failed = (error: unknown): SendResult => {
      if ((error as { readonly code?: unknown }).code === fatal) this.#abandon(client)
      return failedSend(error)
    }
    return Promise.all(
      records.map((record) =>
        client.send({ topic, messages: [neverEmpty(clientRecord(record))] }).then(
          ([sent]) => ({ partition: sent?.partition ?? 0, offset: Number(sent?.baseOffset ?? -1) }),
          failed,
        ),
      ),
    )
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.then((producer) => producer.disconnect()).catch(() => undefined) // it is gone either way
  }

  #connected(): Promise<ProducerClient> {
    this.#client ??= this.#connect()
    return this.#client
  }

  async #connect(): Promise<ProducerClient> {
    const { deadlineMs, lingerMs } = this.#settings
    const client = this.#kafka.producer({
      'enable.idempotence': true,
      acks: -1,
      'linger.ms': lingerMs,
      retries: 2 ** 31 - 1, // its deadline ends them
      'message.timeout.ms': Math.min(Math.max(Math.ceil(deadlineMs), 1000), 2 ** 31 - 1),
      'allow.auto.create.topics': false,
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
    this.#client = undefined
    void client.disconnect().catch(() => undefined) // nobody waits for it any more
  }
}
