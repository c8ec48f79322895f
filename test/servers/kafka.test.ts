import { describe, expect, it } from 'vitest'
import { canStart } from '../support/servers/installed.ts'
import { type KafkaClient, type KafkaEngine, loadKafkaEngines } from '../support/servers/kafka-engines.ts'
import { type KafkaServer, startKafka } from '../support/servers/kafka.ts'
import { sharedKafka, uniqueName } from '../support/servers/shared.ts'
import { undo } from '../support/undo.ts'

const engines = loadKafkaEngines()
const [kafkajs] = engines

// A start takes 2 s, but on a machine that does much else at the same time ten times as long.
const timeout = 120_000

describe('the shared Kafka', { timeout }, () => {
  it('is one broker, however many ask for it', async () => {
    const [first, second] = await Promise.all([sharedKafka(), sharedKafka()])
    expect(second).toEqual(first)
  })

  it.each(engines)('carries messages from a producer to a group with $name $version', async (engine) => {
    const { brokers } = await sharedKafka()
    const client = engine.connect({ brokers })
    const topic = await createTopic(client)
    await produce(client, topic, ['one', 'two', 'three'])
    expect((await consume(engine, client, topic, 3)).toSorted()).toEqual(['one', 'three', 'two'])
  })
})

describe.runIf(canStart().kafka)('a private Kafka', { timeout }, () => {
  it('still has what it acknowledged after a crash and after an orderly restart', async () => {
    const server = await start()
    const client = kafkajs.connect({ brokers: server.brokers })
    const topic = await createTopic(client)
    const ends = [() => server.kill(), () => server.stop()]
    for (const [nth, end] of ends.entries()) {
      await produce(client, topic, [`message ${nth}`])
      await end()
      expect(server.pid).toBeUndefined()
      await server.start()
    }
    expect((await consume(kafkajs, client, topic, 2)).toSorted()).toEqual(['message 0', 'message 1'])
  })

  it('that refuses its settings fails to start and says why', async () => {
    await expect(startKafka({ properties: { 'process.roles': 'bystander' } })).rejects.toThrow(/bystander/)
  })
})

async function start(): Promise<KafkaServer> {
  const server = await startKafka()
  undo.push(() => server.dispose())
  return server
}

async function createTopic(client: KafkaClient): Promise<string> {
  const topic = uniqueName('orders')
  const admin = client.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] })
  await admin.disconnect()
  return topic
}

async function produce(client: KafkaClient, topic: string, values: readonly string[]): Promise<void> {
  const producer = client.producer()
  await producer.connect()
  await producer.send({ topic, messages: values.map((value) => ({ key: value, value })) })
  await producer.disconnect()
}

/** The values of the first `count` messages of a topic, read by a new group. */
async function consume(
  { settings, name }: KafkaEngine,
  client: KafkaClient,
  topic: string,
  count: number,
): Promise<string[]> {
  // Where a new group starts is said to the consumer in one, to its subscription in the other.
  const native = name !== 'kafkajs'
  const start = { fromBeginning: true }
  const consumer = client.consumer(settings({ groupId: uniqueName('group'), ...(native && start) }))
  await consumer.connect()
  undo.push(() => consumer.disconnect())
  await consumer.subscribe({ topics: [topic], ...(!native && start) })
  const values: string[] = []
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async ({ message }: { message: { value: Buffer | null } }): Promise<void> => {
      values.push(String(message.value))
      if (values.length === count) resolve()
    }
    consumer.run({ eachMessage }).catch(reject)
  })
  return values
}
