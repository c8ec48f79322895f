import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { FaultProxy } from '../../src/conformance/index.ts'
import { assertBalanced, type BrokerEvents, type Observer } from '../../src/index.ts'
import {
  connectNats,
  createNatsBroker,
  type NatsBroker,
  type NatsBrokerOptions,
} from '../../src/nats/index.ts'
import { type NatsOptions, type NatsServer, startNats } from '../support/servers/nats.ts'
import { undo } from '../support/undo.ts'

/** A private server for the tests of one file, running again before each that finds it down. */
export function ownServer(options: NatsOptions = {}): () => NatsServer {
  let server: NatsServer | undefined
  beforeAll(async () => {
    server = await startNats({ jetStream: false, ...options })
  })
  beforeEach(async () => {
    server?.thaw()
    await server?.start()
  })
  afterAll(() => server?.dispose())
  return () => server as NatsServer // beforeAll has made it
}

/** Impatient, so that tests need not wait for what production may wait for. */
const impatient = { reconnectTimeWait: 20, reconnectJitter: 10, pingInterval: 250, timeout: 1000 }

/** A connection that is closed after the test. */
export async function connection(
  server: NatsServer,
  options: Parameters<typeof connectNats>[0] = {},
): Promise<NatsConnection> {
  const opened = await connectNats({ servers: server.url, ...impatient, ...options })
  undo.push(() => opened.close())
  return opened
}

/** A broker on a connection of its own; after the test its ledger is balanced and both are closed. */
export async function broker(
  server: NatsServer,
  options: Partial<NatsBrokerOptions> = {},
): Promise<NatsBroker> {
  const link = options.connection ?? (await connection(server))
  const made = createNatsBroker({ observer: silent, ...options, connection: link })
  undo.push(async () => {
    assertBalanced(made.ledger())
    await made.close()
    assertBalanced(made.ledger())
  })
  return made
}

/** A broker whose way to the server can be cut or stalled. */
export async function throughProxy(
  server: NatsServer,
  options: Partial<NatsBrokerOptions> = {},
  pingInterval = 60_000,
): Promise<{ readonly one: NatsBroker; readonly proxy: FaultProxy }> {
  const proxy = await FaultProxy.listen({ port: server.port })
  undo.push(() => proxy.close())
  const link = await connection(server, { servers: `127.0.0.1:${proxy.port}`, pingInterval })
  return { one: await broker(server, { ...options, connection: link }), proxy }
}

/** Takes warnings, which would go to the console. */
export const silent: Observer = { warning: () => undefined }

type Reports = { [Name in keyof BrokerEvents]: BrokerEvents[Name][] }

/** Keeps what a broker says of its connection. */
export class Heard {
  readonly connection: Reports['connection'] = []
  readonly warning: Reports['warning'] = []
  readonly handlerError: Reports['handlerError'] = []
  readonly callbackError: Reports['callbackError'] = []
  readonly closed: Reports['closed'] = []
  readonly observer: Observer = {
    connection: (event: BrokerEvents['connection']) => void this.connection.push(event),
    warning: (event: BrokerEvents['warning']) => void this.warning.push(event),
    handlerError: (event: BrokerEvents['handlerError']) => void this.handlerError.push(event),
    callbackError: (event: BrokerEvents['callbackError']) => void this.callbackError.push(event),
    closed: (event: BrokerEvents['closed']) => void this.closed.push(event),
  }

  get states(): string[] {
    return this.connection.map(({ state }) => state)
  }
}
