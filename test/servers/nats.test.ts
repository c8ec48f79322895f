import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { describe, expect, it } from 'vitest'
import { undo } from '../support/undo.ts'
import { eventually } from '../support/eventually.ts'
import { startNats } from '../support/servers/nats.ts'
import { canStart } from '../support/servers/installed.ts'
import { sharedNats, uniqueName } from '../support/servers/shared.ts'

async function open(url: string): Promise<NatsConnection> {
  const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  undo.push(() => connection.close())
  return connection
}

async function start(options?: Parameters<typeof startNats>[0]): ReturnType<typeof startNats> {
  const server = await startNats(options)
  undo.push(() => server.dispose())
  return server
}

describe.runIf(canStart().nats)('a private nats-server', () => {
  it('serves publishers and subscribers and says its version', async () => {
    const server = await start()
    const connection = await open(server.url)
    expect(connection.info?.version).toBe(server.version)
    const subscription = connection.subscribe('greetings', { max: 1 })
    connection.publish('greetings', 'hello')
    const received: string[] = []
    for await (const message of subscription) received.push(message.string())
    expect(received).toEqual(['hello'])
  })

  it('still has what a stream stored after a crash and after an orderly restart', async () => {
    const server = await start()
    const connection = await open(server.url)
    const manager = await jetstreamManager(connection)
    await manager.streams.add({ name: 'orders', subjects: ['orders.>'] })
    const client = jetstream(connection)
    const ends = [() => server.kill(), () => server.stop()]
    for (const [nth, end] of ends.entries()) {
      const back = reconnected(connection)
      await client.publish(`orders.${nth}`, `order ${nth}`)
      await end()
      expect(server.pid).toBeUndefined()
      await server.start()
      await back
    }
    expect((await manager.streams.info('orders')).state.messages).toBe(2)
    const stored = await manager.streams.getMessage('orders', { seq: 2 })
    expect(stored?.string()).toBe('order 1')
  })

  it('answers nobody while it is frozen', async () => {
    const server = await start()
    const connection = await open(server.url)
    await server.freeze()
    let answered = false
    const answer = connection.flush().then(() => (answered = true))
    await expect(fetch(`${server.monitorUrl}/varz`, { signal: AbortSignal.timeout(200) })).rejects.toThrow(
      'timeout',
    )
    expect(answered).toBe(false)
    server.thaw()
    await answer
    expect((await fetch(`${server.monitorUrl}/varz`)).status).toBe(200)
  })

  it('takes further settings', async () => {
    const server = await start({ jetStream: false, config: { max_payload: 1024 } })
    const connection = await open(server.url)
    expect(connection.info?.max_payload).toBe(1024)
    expect(connection.info?.jetstream ?? false).toBe(false)
  })

  it('that refuses its settings fails to start and says why', async () => {
    await expect(startNats({ config: { max_payload: 'plenty' } })).rejects.toThrow(/nats\.conf:\d+/)
  })
})

async function reconnected(connection: NatsConnection): Promise<void> {
  for await (const status of connection.status()) if (status.type === 'reconnect') return
}

describe('a shared NATS', () => {
  it('serves JetStream', async () => {
    const server = await sharedNats()
    undo.push(() => server.dispose())
    const manager = await jetstreamManager(await open(server.url))
    const name = uniqueName('shared')
    await manager.streams.add({ name, subjects: [name] })
    undo.push(async () => void (await manager.streams.delete(name)))
    const found = await eventually(async () => (await manager.streams.info(name)).config.name)
    expect(found).toBe(name)
  })
})
