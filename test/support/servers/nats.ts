import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { installed } from './installed.ts'
import { ManagedServer, ServerDidNotStart } from './managed-server.ts'

/** How a private nats-server is set up. */
export interface NatsOptions {
  /** With JetStream, which keeps its files over restarts. Default true. */
  readonly jetStream?: boolean
  /** Further settings of its configuration file, for example `{ max_payload: 1024, max_pending: '1MB' }`. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** A nats-server that belongs to the test which started it. */
export class NatsServer extends ManagedServer {
  readonly url: string
  readonly port: number
  /** Serves `/varz`, `/connz`, `/jsz`. */
  readonly monitorUrl: string

  constructor(folder: string, ports: { client: number; monitor: number }, command: string) {
    const ready = /Server is ready/
    super(folder, { command, args: ['-c', join(folder, 'nats.conf')], ready, readyWithinMs: 20_000 })
    this.port = ports.client
    this.url = `nats://127.0.0.1:${ports.client}`
    this.monitorUrl = `http://127.0.0.1:${ports.monitor}`
  }

  /** What it says of itself, for example `2.9.10`. */
  get version(): string {
    return /Version:\s+v?(\S+)/.exec(this.log())?.[1] ?? 'unknown'
  }
}

/** Starts a private nats-server on free ports of 127.0.0.1, with its files in a folder of its own. */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const { nats } = installed()
  if (nats === undefined)
    throw new Error('This test starts a nats-server of its own: unset SPILLWAY_NATS_URL and run npm test')
  for (let triesLeft = 4; ; triesLeft--) {
    const server = await create(nats.command, options)
    try {
      await server.start()
      return server
    } catch (error) {
      await server.dispose()
      const taken = error instanceof ServerDidNotStart && error.log.includes('address already in use')
      if (!taken || triesLeft === 0) throw error
    }
  }
}

async function create(command: string, { jetStream = true, config = {} }: NatsOptions): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-nats-'))
  const ports = await freePorts('client', 'monitor')
  const settings = {
    host: '127.0.0.1',
    port: ports.client,
    http: `127.0.0.1:${ports.monitor}`,
    ...(jetStream && { jetstream: { store_dir: join(folder, 'store') } }),
    ...config,
  }
  writeFileSync(join(folder, 'nats.conf'), JSON.stringify(settings, undefined, 2))
  return new NatsServer(folder, ports, command)
}
