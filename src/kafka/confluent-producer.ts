import type { ProducerClient } from './client.ts'
import type { KafkaClient } from './contract.ts'
import type { OutRecord, ProducerDriver, ProducerSettings, SendResult } from './driver.ts'
import { clientRecord, neverEmpty } from './out-record.ts'
import { failedSend, neverSent } from './send-errors.ts'

/** How long librdkafka gathers messages when nobody hurries it, in milliseconds. */
const gatherMs = 5
const flushMs = 500

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
  #flushing = false

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
    const sent = Promise.all(
      records.map((record) =>
        client
          .send({ topic, messages: [neverEmpty(clientRecord(record))] })
          .then(
            ([sent]) => ({ partition: sent?.partition ?? 0, offset: Number(sent?.baseOffset ?? -1) }),
            failed,
          ),
      ),
    )
    this.#flush(client)
    return sent
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
      'linger.ms': Math.max(gatherMs, lingerMs),
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

  /** Sends what librdkafka would keep back to gather more: gathering has been done, and who waits for one waits for nothing. */
  #flush(client: ProducerClient): void {
    if (this.#flushing) return // it also covers what comes before it ends
    this.#flushing = true
    const over = (): void => {
      this.#flushing = false
    }
    client.flush({ timeout: flushMs }).then(over, over)
  }

  #abandon(client: ProducerClient): void {
    this.#client = undefined
    void client.disconnect().catch(() => undefined) // nobody waits for it any more
  }
}
