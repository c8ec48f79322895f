import type { NatsConnection } from '@nats-io/transport-node'
import { FaultProxy, type Transport } from 'spillway/conformance'
import { connectNats } from 'spillway/nats'
import { type NatsOptions, type NatsServer, startNats } from '../support/servers/nats.ts'

type Link = NonNullable<Transport['link']>
type Server = NonNullable<Transport['server']>

/** Two connections, as of two processes, which all brokers of the kit share: it is theirs to leave them alone. */
export class TwoConnections {
  readonly #options: NatsOptions
  #server: NatsServer | undefined
  #proxy: FaultProxy | undefined
  #connections: readonly NatsConnection[] = []

  constructor(options: NatsOptions = {}) {
    this.#options = options
  }

  readonly server: Server = {
    kill: async () => this.#server?.kill(),
    start: async () => this.#server?.start(),
  }

  readonly link: Link = {
    cut: () => this.#proxy?.cut(),
    stall: () => this.#proxy?.stall(),
    delay: (ms) => this.#proxy?.delay(ms),
    reset: () => this.#proxy?.reset(),
    heal: () => this.#proxy?.heal(),
  }

  async start(): Promise<void> {
    this.#server = await startNats(this.#options)
    this.#proxy = await FaultProxy.listen({ port: this.#server.port })
    const servers = `127.0.0.1:${this.#proxy.port}`
    const settings = { servers, pingInterval: 200, reconnectTimeWait: 20, reconnectJitter: 10, timeout: 1000 }
    this.#connections = [await connectNats(settings), await connectNats(settings)]
  }

  async end(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()))
    await this.#proxy?.close()
    await this.#server?.dispose()
  }

  connection(which: 0 | 1): NatsConnection {
    const connection = this.#connections[which]
    if (connection === undefined) throw new Error('start() comes first')
    return connection
  }
}
