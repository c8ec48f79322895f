import { expect } from 'vitest'
import { assertBalanced, type Ledger } from '../../src/core/ledger.ts'
import type { BrokerEvents, Observer } from '../../src/core/observer.ts'
import { createKafkaBroker, type KafkaBroker, type KafkaBrokerOptions } from '../../src/kafka/index.ts'
import { eventually } from '../support/eventually.ts'
import { type KafkaClient, type KafkaEngine, loadKafkaEngines } from '../support/servers/kafka-engines.ts'
import { sharedKafka, uniqueName } from '../support/servers/shared.ts'
import { undo } from '../support/undo.ts'
import { quick } from './quick.ts'

export const engines: readonly [kafkajs: KafkaEngine, native: KafkaEngine] = loadKafkaEngines()

export type TestOptions = Omit<KafkaBrokerOptions, 'kafka'> & { readonly partitions?: number }

/** A broker on the shared Kafka, which is closed, and whose books are checked, after the test. */
export async function makeBroker(engine: KafkaEngine, options: TestOptions = {}): Promise<KafkaBroker> {
  const { brokers } = await sharedKafka()
  return brokerOn(engine, brokers, options)
}

/** The client as it is, for what a broker does not do. */
export async function plainClient(engine: KafkaEngine): Promise<KafkaClient> {
  const { brokers } = await sharedKafka()
  return engine.connect({ brokers })
}

export function brokerOn(
  engine: KafkaEngine,
  brokers: readonly string[],
  { partitions = 1, ...options }: TestOptions = {},
): KafkaBroker {
  const broker = createKafkaBroker({
    kafka: engine.connect({ brokers }),
    ...quick,
    observer: ignore,
    ...options,
    topics: { ...quick.topics, partitions, ...options.topics },
    consuming: { ...quick.consuming, ...options.consuming },
  })
  undo.push(async () => {
    await broker.close()
    assertBalanced(broker.ledger())
  })
  return broker
}

/** Warnings and failures that a test expects are not for the console. */
const ignore: Observer = { warning: () => undefined, handlerError: () => undefined, closed: () => undefined }

/** A topic nobody else uses. Dots in its name, as ours have them. */
export function newTopic(prefix = 'orders'): string {
  return uniqueName(`t.${prefix}`)
}

/** The numbers 0 … count − 1. */
export function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n)
}

/** Publishes these, and resolves when the server has them all. */
export async function publishAll(
  broker: KafkaBroker,
  topic: string,
  payloads: readonly unknown[],
  keyOf: (payload: unknown, index: number) => string | undefined = () => undefined,
): Promise<void> {
  await Promise.all(
    payloads.map((payload, index) => {
      const key = keyOf(payload, index)
      return broker.publish(topic, payload, key === undefined ? {} : { key })
    }),
  )
}

/** Collects the events of one kind. */
export function heard<Name extends keyof BrokerEvents>(
  broker: KafkaBroker,
  name: Name,
): BrokerEvents[Name][] {
  const events: BrokerEvents[Name][] = []
  broker.observe({ [name]: (event: BrokerEvents[Name]) => void events.push(event) })
  return events
}

/** Resolves when so many partitions have been assigned to the group in this broker and not been taken away. */
export async function ownsPartitions(broker: KafkaBroker, group: string, count: number): Promise<void> {
  await eventually(
    async () => (await broker.groups()).find(({ name }) => name === group)?.partitions === count,
    { withinMs: 15_000, everyMs: 50 },
  )
}

/** The books of a group; they balance at any time. */
export function booksOf(
  broker: KafkaBroker,
  group: string,
): ReturnType<KafkaBroker['ledger']>['groups'][number] {
  const ledger: Ledger = broker.ledger()
  assertBalanced(ledger)
  const books = broker.ledger().groups.find((one) => one.group === group)
  expect(books).toBeDefined()
  if (books === undefined) throw new Error(`no books of ${group}`)
  return books
}
