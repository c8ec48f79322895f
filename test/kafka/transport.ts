import type { Broker } from 'spillway'
import { FaultProxy, type OpenOptions } from 'spillway/conformance'
import { createKafkaBroker, type KafkaBroker } from 'spillway/kafka'
import { kafkaCapabilities } from '../../src/kafka/kafka-broker.ts'
import type { BackedTransport } from '../conformance/backed-transport.ts'
import { eventually } from '../support/eventually.ts'
import { type KafkaEngine, loadKafkaEngines } from '../support/servers/kafka-engines.ts'
import { type KafkaServer, startKafka } from '../support/servers/kafka.ts'
import { quick } from './quick.ts'

/** The names of both clients. */
export const engineNames: readonly KafkaEngine['name'][] = ['kafkajs', '@confluentinc/kafka-javascript']

/** The kit's view of Kafka through one of its clients. */
export function kafka(engineName: KafkaEngine['name']): BackedTransport {
  const backing = new Backing(engineName)
  return {
    transport: {
      name: `Kafka by ${engineName}`,
      capabilities: kafkaCapabilities,
      open: (options) => backing.open(options),
      another: (options) => backing.open(options),
      ready: async (broker, { group, pattern }) => {
        await (broker as KafkaBroker).ready()
        if (group === undefined || /[*>]/.test(pattern)) return
        await eventually(() => backing.isAtWork(group))
        const joined = Date.now()
        await eventually(() => Date.now() - joined > 150) // kafkajs looks for records every 100 ms while it has none
      },
      server: { kill: () => backing.kill(), start: () => backing.startAgain() },
      link: {
        cut: () => backing.link?.cut(),
        stall: () => backing.link?.stall(),
        delay: (ms) => backing.link?.delay(ms),
        reset: () => backing.link?.reset(),
        heal: () => backing.link?.heal(),
      },
      evict: (broker, topic) => backing.evict(broker, topic),
      maxPayloadBytes: 900_000,
      pace: { deadlineMs: 20_000, stretch: 3, volume: 0.6 },
      topicPrefix: `conformance-${engineName.replaceAll(/[^a-z]/g, '')}`,
    },
    start: () => backing.start(),
    end: () => backing.end(),
  }
}

/** A server, a client of it, and the brokers that are open. */
class Backing {
  readonly #engineName: KafkaEngine['name']
  #engine: KafkaEngine | undefined
  #server: KafkaServer | undefined
  link: FaultProxy | undefined
  #opened: readonly KafkaBroker[] = []

  constructor(engineName: KafkaEngine['name']) {
    this.#engineName = engineName
  }

  async start(): Promise<void> {
    this.#engine = loadKafkaEngines().find(({ name }) => name === this.#engineName)
    this.#server = await startKafka({
      behind: async (port) => {
        this.link = await FaultProxy.listen({ port })
        return this.link.port
      },
    })
  }

  async end(): Promise<void> {
    await this.#server?.dispose()
    await this.link?.close()
  }

  async kill(): Promise<void> {
    await this.#server?.kill()
  }

  async startAgain(): Promise<void> {
    await this.#server?.start()
  }

  async open(options?: OpenOptions): Promise<Broker> {
    if (this.#engine === undefined || this.#server === undefined) throw new Error('start() comes first')
    const client = this.#engine.connect({ brokers: [`127.0.0.1:${this.link?.port}`] })
    const silent = { warning: () => undefined, handlerError: () => undefined, closed: () => undefined }
    const broker = createKafkaBroker({ kafka: client, ...quick, observer: silent, ...options })
    this.#opened = [...this.#opened.filter((one) => one.health().state !== 'closed'), broker]
    return broker
  }

  /** Removes the first message, as retention would. By the native client, which finds the leader of a topic new to it. */
  async evict(broker: Broker, topic: string): Promise<void> {
    await broker.publish(topic, 'to be removed')
    const [, native] = loadKafkaEngines()
    const admin = native.connect({ brokers: this.#server?.brokers ?? [] }).admin()
    await admin.connect()
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1' }] })
    await admin.disconnect()
  }

  /** Whether any member of the group has joined: it takes a client half a second, in which a short scenario is over. */
  async isAtWork(group: string): Promise<boolean> {
    const states = await Promise.all(this.#opened.map((broker) => broker.groups().catch(() => [])))
    return states.flat().some(({ name, partitions }) => name === group && partitions > 0)
  }
}
