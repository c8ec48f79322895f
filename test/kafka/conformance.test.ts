import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { describeConformance, type OpenOptions, type Transport } from '../../src/conformance/index.ts'
import type { Broker } from '../../src/index.ts'
import { createKafkaBroker, type KafkaBroker } from '../../src/kafka/index.ts'
import { kafkaCapabilities } from '../../src/kafka/kafka-broker.ts'
import { eventually } from '../support/eventually.ts'
import type { KafkaEngine } from '../support/servers/kafka-engines.ts'
import { type KafkaServer, startKafka } from '../support/servers/kafka.ts'
import { engines, quick } from './support.ts'

vi.setConfig({ testTimeout: 90_000 }) // a server that is killed is back after seconds

let server: KafkaServer | undefined
let opened: readonly KafkaBroker[] = []

beforeAll(async () => {
  server = await startKafka()
})

afterAll(() => server?.dispose())

function open(engine: KafkaEngine, options?: OpenOptions): Promise<Broker> {
  const kafka = engine.connect({ brokers: server?.brokers ?? [] })
  const silent = { warning: () => undefined, handlerError: () => undefined, closed: () => undefined }
  const broker = createKafkaBroker({ kafka, ...quick, observer: silent, ...options })
  opened = [...opened.filter((one) => one.health().state !== 'closed'), broker]
  return Promise.resolve(broker)
}

/** Whether any member of the group has joined: it takes a client half a second, in which a short scenario is over. */
async function isAtWork(group: string): Promise<boolean> {
  const states = await Promise.all(opened.map((broker) => broker.groups().catch(() => [])))
  return states.flat().some(({ name, partitions }) => name === group && partitions > 0)
}

for (const engine of engines) {
  const transport: Transport = {
    name: `Kafka by ${engine.name}`,
    capabilities: kafkaCapabilities,
    open: (options) => open(engine, options),
    another: (options) => open(engine, options),
    ready: async (broker, { group, pattern }) => {
      await (broker as KafkaBroker).ready()
      if (group === undefined || /[*>]/.test(pattern)) return
      await eventually(() => isAtWork(group))
      const joined = Date.now()
      await eventually(() => Date.now() - joined > 150) // kafkajs looks for records every 100 ms while it has none
    },
    server: { kill: async () => server?.kill(), start: async () => server?.start() },
    maxPayloadBytes: 900_000,
    pace: { deadlineMs: 20_000, stretch: 3, volume: 0.6 },
    topicPrefix: `conformance-${engine.name.replaceAll(/[^a-z]/g, '')}`,
  }
  describeConformance({ describe, it }, transport)
}
