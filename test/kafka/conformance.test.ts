import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import {
  describeConformance,
  FaultProxy,
  type OpenOptions,
  type Transport,
} from '../../src/conformance/index.ts'
import type { Broker } from '../../src/index.ts'
import { createKafkaBroker, type KafkaBroker } from '../../src/kafka/index.ts'
import { kafkaCapabilities } from '../../src/kafka/kafka-broker.ts'
import { eventually } from '../support/eventually.ts'
import type { KafkaEngine } from '../support/servers/kafka-engines.ts'
import { type KafkaServer, startKafka } from '../support/servers/kafka.ts'
import { engines, quick } from './support.ts'

vi.setConfig({ testTimeout: 90_000 }) // a server that is killed is back after seconds

let server: KafkaServer | undefined
let link: FaultProxy | undefined
let opened: readonly KafkaBroker[] = []

beforeAll(async () => {
  server = await startKafka({
    behind: async (port) => {
      link = await FaultProxy.listen({ port })
      return link.port
    },
  })
})

afterAll(async () => {
  await server?.dispose()
  await link?.close()
})

function open(engine: KafkaEngine, options?: OpenOptions): Promise<Broker> {
  const kafka = engine.connect({ brokers: [`127.0.0.1:${link?.port}`] })
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
    link: {
      cut: () => link?.cut(),
      stall: () => link?.stall(),
      delay: (ms) => link?.delay(ms),
      reset: () => link?.reset(),
      heal: () => link?.heal(),
    },
    evict: async (broker, topic) => {
      await broker.publish(topic, 'to be removed')
      const admin = engines[1].connect({ brokers: server?.brokers ?? [] }).admin()
      await admin.connect()
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1' }] })
      await admin.disconnect()
    },
    maxPayloadBytes: 900_000,
    pace: { deadlineMs: 20_000, stretch: 3, volume: 0.6 },
    topicPrefix: `conformance-${engine.name.replaceAll(/[^a-z]/g, '')}`,
  }
  describeConformance({ describe, it }, transport)
}
