import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { assertBalanced } from '../../../src/index.ts'
import {
  createJetStreamBroker,
  type JetStreamBroker,
  type JetStreamBrokerOptions,
} from '../../../src/nats/index.ts'
import { eventually } from '../../support/eventually.ts'
import type { NatsServer } from '../../support/servers/nats.ts'
import { uniqueName } from '../../support/servers/shared.ts'
import { undo } from '../../support/undo.ts'
import { connection, ownServer, silent } from '../world.ts'

export { connection, Heard } from '../world.ts'

/** A private server with JetStream for the tests of one file. */
export function streamServer(): () => NatsServer {
  return ownServer({ jetStream: true })
}

/** A stream that no other test uses, and a topic prefix of its own: `a.>` of one test is not that of another. */
export interface OwnStream {
  readonly name: string
  readonly prefix: string
}

export function ownStream(): OwnStream {
  const name = uniqueName('S')
  return { name, prefix: name.toLowerCase() }
}

/** A broker on a connection of its own; after the test its ledger is balanced, and both are closed. */
export async function broker(
  server: NatsServer,
  options: Partial<JetStreamBrokerOptions> & Pick<JetStreamBrokerOptions, 'streams'>,
): Promise<JetStreamBroker> {
  const link = options.connection ?? (await connection(server))
  const made = await createJetStreamBroker({ observer: silent, ...options, connection: link })
  undo.push(async () => {
    assertBalanced(made.ledger())
    await made.close()
    assertBalanced(made.ledger())
  })
  return made
}

/** A stream of its own and a broker on it. */
export async function world(
  server: NatsServer,
  stream: Partial<JetStreamBrokerOptions['streams'][number]> = {},
  options: Partial<JetStreamBrokerOptions> = {},
): Promise<
  OwnStream & { readonly broker: JetStreamBroker; readonly streams: JetStreamBrokerOptions['streams'] }
> {
  const own = ownStream()
  const streams = [{ name: own.name, topics: [`${own.prefix}.>`], ...stream }]
  return { ...own, streams, broker: await broker(server, { streams, ...options }) }
}

/** The bare client, to look at what is really there. */
export async function manager(server: NatsServer, link?: NatsConnection): Promise<JetStreamManager> {
  return jetstreamManager(link ?? (await connection(server)))
}

/** How long at most a server keeps what its consumers have delivered and acked to itself. It writes every 100 ms. */
const unwrittenMs = 400

/** Resolves when the server has written what happened to its consumers before `since`: that may come after it has confirmed it. */
export async function written(server: NatsServer, stream: string, since: number): Promise<void> {
  const folder = join(server.folder, 'store', 'jetstream', '$G', 'streams', stream, 'obs')
  const files = readdirSync(folder).map((consumer) => join(folder, consumer, 'o.dat'))
  const isAtRest = (at: number): boolean => Date.now() - at > unwrittenMs
  await eventually(
    () => isAtRest(since) && files.every((file) => existsSync(file) && isAtRest(statSync(file).mtimeMs)),
  )
}

interface Reader<M> {
  next(): Promise<IteratorResult<M, undefined>>
}

/** Takes so many. */
export async function take<M>(reader: Reader<M>, count: number): Promise<M[]> {
  const got: M[] = []
  while (got.length < count) {
    const { done, value } = await reader.next()
    if (done === true) throw new Error(`it ended after ${got.length} of ${count}`)
    got.push(value)
  }
  return got
}

export function payloads(messages: readonly { readonly payload: unknown }[]): unknown[] {
  return messages.map(({ payload }) => payload)
}
