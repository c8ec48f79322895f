import type { JetStreamManager } from '@nats-io/jetstream'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, it } from 'vitest'
import {
  describeConformance,
  FaultProxy,
  type OpenOptions,
  type Transport,
} from '../../../src/conformance/index.ts'
import type { Broker } from '../../../src/index.ts'
import { connectNats, createJetStreamBroker, type JetStreamBroker } from '../../../src/nats/index.ts'
import { type NatsServer, startNats } from '../../support/servers/nats.ts'
import { silent } from '../world.ts'

// Two connections, as of two processes, which all brokers of the kit share: it is theirs to leave them alone.
let server: NatsServer | undefined
let link: FaultProxy | undefined
let connections: NatsConnection[] = []
let manager: JetStreamManager | undefined

const stream = { name: 'CONFORMANCE', topics: ['conformance.>'] }

beforeAll(async () => {
  server = await startNats()
  link = await FaultProxy.listen({ port: server.port })
  const servers = `127.0.0.1:${link.port}`
  const settings = { servers, pingInterval: 200, reconnectTimeWait: 20, reconnectJitter: 10, timeout: 1000 }
  connections = [await connectNats(settings), await connectNats(settings)]
  manager = await jetstreamManager(connections[0] as NatsConnection)
})

afterAll(async () => {
  await Promise.all(connections.map((connection) => connection.close()))
  await link?.close()
  await server?.dispose()
})

function open(which: number, options?: OpenOptions): Promise<Broker> {
  const connection = connections[which] as NatsConnection // beforeAll has made both
  const settings = { streams: [stream], resendAfterMs: 500 }
  return createJetStreamBroker({ observer: silent, ...settings, ...options, connection })
}

let scenario: string | undefined

/**
 * An offset of JetStream counts what is in a stream, whatever its topic; the kit counts from the first message of a topic.
 * So each scenario begins with an empty stream.
 */
async function prepare([topic]: readonly string[]): Promise<void> {
  const current = topic?.split('.')[1]
  if (current === scenario) return
  scenario = current
  // Somebody who has subscribed already waits for these topics.
  for await (const { num_waiting: asks } of manager?.consumers.list(stream.name) ?? []) if (asks > 0) return
  await manager?.streams.delete(stream.name)
  await manager?.streams.add({ name: stream.name, subjects: stream.topics })
}

/** Removes everything up to the first message of the topic, as a limit of the stream would. */
async function evict(broker: Broker, topic: string): Promise<void> {
  await broker.publish(topic, 'to be removed')
  const query = { seq: 1, next_by_subj: topic } // one that the types of the client do not know
  const first = await manager?.streams.getMessage(stream.name, query)
  await manager?.streams.purge(stream.name, { seq: (first?.seq ?? 0) + 1 })
}

const streams: Transport = {
  name: 'JetStream',
  capabilities: {
    broker: 'jetstream',
    delivery: 'at-most-once',
    provides: [
      'durable',
      'replay',
      'acks',
      'groups',
      'wildcards',
      'order',
      'nak-delay',
      'attempts',
      'dedupe',
      'remote',
      'reconnect',
      'written',
    ],
    overflow: [],
  },
  open: (options) => open(0, options),
  another: (options) => open(1, options),
  ready: (broker) => (broker as JetStreamBroker).flush(),
  prepare,
  evict,
  server: { kill: async () => server?.kill(), start: async () => server?.start() },
  link: {
    cut: () => link?.cut(),
    stall: () => link?.stall(),
    delay: (ms) => link?.delay(ms),
    reset: () => link?.reset(),
    heal: () => link?.heal(),
  },
  maxPayloadBytes: 1_000_000,
}

describeConformance({ describe, it }, streams)
