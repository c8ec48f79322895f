import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, it } from 'vitest'
import {
  describeConformance,
  FaultProxy,
  type OpenOptions,
  type Transport,
} from '../../src/conformance/index.ts'
import type { Broker } from '../../src/index.ts'
import { connectNats, createNatsBroker, type NatsBroker } from '../../src/nats/index.ts'
import { type NatsServer, startNats } from '../support/servers/nats.ts'
import { silent } from './world.ts'

// Two connections, as of two processes, which all brokers of the kit share: it is theirs to leave them alone.
let server: NatsServer | undefined
let link: FaultProxy | undefined
let connections: NatsConnection[] = []

beforeAll(async () => {
  server = await startNats({ jetStream: false })
  link = await FaultProxy.listen({ port: server.port })
  const servers = `127.0.0.1:${link.port}`
  const settings = { servers, pingInterval: 200, reconnectTimeWait: 20, reconnectJitter: 10, timeout: 1000 }
  connections = [await connectNats(settings), await connectNats(settings)]
})

afterAll(async () => {
  await Promise.all(connections.map((connection) => connection.close()))
  await link?.close()
  await server?.dispose()
})

function open(which: number, options?: OpenOptions): Promise<Broker> {
  const connection = connections[which] as NatsConnection // beforeAll has made both
  return Promise.resolve(createNatsBroker({ observer: silent, ...options, connection }))
}

const core: Transport = {
  name: 'core NATS',
  capabilities: {
    broker: 'nats',
    delivery: 'best-effort',
    provides: ['groups', 'wildcards', 'order', 'remote', 'reconnect'],
    overflow: ['drop-newest', 'drop-oldest', 'latest', 'disconnect'],
  },
  open: (options) => open(0, options),
  another: (options) => open(1, options),
  ready: (broker) => (broker as NatsBroker).flush(),
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

describeConformance({ describe, it }, core)
