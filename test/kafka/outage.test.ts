import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { ISocketFactory } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SendResult } from '../../src/kafka/driver.ts'
import { KafkajsProducer } from '../../src/kafka/kafkajs-producer.ts'
import { assertBalanced } from '../../src/core/ledger.ts'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/servers/free-ports.ts'
import { canStart } from '../support/servers/installed.ts'
import type { KafkaEngine } from '../support/servers/kafka-engines.ts'
import { type KafkaServer, startKafka } from '../support/servers/kafka.ts'
import { uniqueName } from '../support/servers/shared.ts'
import { undo } from '../support/undo.ts'
import { LossyProxy } from './lossy-proxy.ts'
import { booksOf, brokerOn, engines, heard, newTopic, numbers } from './support.ts'

describe.runIf(canStart().kafka)('when the server is away', () => {
  let server: KafkaServer
  beforeAll(async () => {
    server = await startKafka()
  })
  afterAll(() => server.dispose())

  it.each(engines)(
    'what is published waits and arrives, and groups go on: $name',
    async (engine) => {
      const sockets: Socket[] = []
      const broker = brokerOn(watching(engine, sockets), server.brokers)
      const [topic, group] = [newTopic(), uniqueName('g')]
      const connections = heard(broker, 'connection')
      const seen: unknown[] = []
      broker.subscribe(topic, ({ payload }) => void seen.push(payload), { group, from: 'start' })
      await broker.publish(topic, 'before')
      await eventually(() => seen.length === 1)

      await server.kill()
      // What kafkajs writes before it has heard of it is lost or not: nobody knows, and T7 is about it.
      await eventually(() => sockets.every((socket) => socket.destroyed || socket.readableEnded))
      const during = numbers(20).map((n) => broker.publish(topic, n))
      await eventually(() => broker.health().state === 'disconnected', { withinMs: 15_000 })
      assertBalanced(broker.ledger())
      expect(broker.ledger().transport).toMatchObject({ sent: 21, waiting: 20 })
      await server.start()
      await Promise.all(during)

      await eventually(() => new Set(seen).size === 21, { withinMs: 15_000 })
      await eventually(() => broker.health().state === 'connected')
      expect(broker.health().reconnects).toBeGreaterThanOrEqual(1)
      expect(connections.map(({ state }) => state).slice(0, 3)).toEqual([
        'connected',
        'disconnected',
        'connected',
      ])
      // What was acked and not committed before may come again; what was published meanwhile is there once, in order.
      expect(seen.filter((payload) => payload !== 'before')).toEqual(numbers(20))
      await eventually(() => booksOf(broker, group).acked === seen.length)
    },
    60_000,
  )

  it.each(engines)(
    'a publish is told after its deadline that nobody knows, or that it was not sent: $name',
    async (engine) => {
      const broker = brokerOn(engine, server.brokers, { publishDeadlineMs: 1500 })
      const topic = newTopic()
      await broker.publish(topic, 'before')
      await server.freeze()

      const outcomes = await Promise.allSettled(numbers(5).map((n) => broker.publish(topic, n)))
      const later = await Promise.allSettled([broker.publish(topic, 'later')])
      server.thaw()

      const codes = [...outcomes, ...later].map((outcome) =>
        outcome.status === 'rejected' ? outcome.reason.code : 'ok',
      )
      for (const code of codes) expect(['SPW_PUBLISH_UNCONFIRMED', 'SPW_DISCONNECTED']).toContain(code)
      expect(codes[0]).toBe('SPW_PUBLISH_UNCONFIRMED')
      const { confirmed, failed, sent, unknown, waiting } = broker.ledger().transport
      expect([sent, confirmed, failed + unknown, waiting]).toEqual([7, 1, 6, 0])
      expect(unknown).toBe(codes.filter((code) => code === 'SPW_PUBLISH_UNCONFIRMED').length)
      await eventually(
        () =>
          broker.publish(topic, 'after').then(
            () => true,
            () => false,
          ),
        { withinMs: 20_000 },
      )
    },
    60_000,
  )

  it('T7: after a lost answer the next message is stored, not taken for the one before', async () => {
    const [kafkajs] = engines
    const { proxied } = await freePorts('proxied')
    const target = await startKafka({
      properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxied}` },
    })
    undo.push(() => target.dispose())
    const proxy = new LossyProxy(proxied, Number(target.brokers[0]?.split(':')[1]))
    await proxy.listen()
    undo.push(() => proxy.close())
    const kafka = kafkajs.connect({ brokers: [`127.0.0.1:${proxied}`], ...{ retry: { retries: 1 } } })
    const topic = newTopic()
    await brokerOn(kafkajs, [`127.0.0.1:${proxied}`]).publish(topic, 'before')
    const file = join(target.folder, 'data', `${topic}-0`, '00000000000000000000.log')
    const producer = new KafkajsProducer(kafka, { deadlineMs: 100, lingerMs: 0 })
    undo.push(() => producer.close())
    const send = (text: string): Promise<readonly SendResult[]> =>
      producer.send(topic, [
        { key: undefined, value: Buffer.from(text), headers: undefined, time: Date.now() },
      ])
    expect(await send('first')).toMatchObject([{ offset: 1 }])

    proxy.become('mute')
    const lost = send('lost')
    await eventually(() => readFileSync(file).includes('lost'))
    proxy.become('shut')
    expect(await lost).toMatchObject([{ certain: false }])
    proxy.become('open')

    expect(await send('after')).toMatchObject([{ offset: 3 }])
    expect(readFileSync(file).includes('after')).toBe(true)
  }, 60_000)

  it('knows what was never written, for as long as kafkajs tries to connect', async () => {
    const [kafkajs] = engines
    const { proxied } = await freePorts('proxied')
    const target = await startKafka({
      properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxied}` },
    })
    undo.push(() => target.dispose())
    const proxy = new LossyProxy(proxied, Number(target.brokers[0]?.split(':')[1]))
    await proxy.listen()
    undo.push(() => proxy.close())
    const sockets: Socket[] = []
    const client = watching(kafkajs, sockets)
    const topic = newTopic()
    await brokerOn(kafkajs, [`127.0.0.1:${proxied}`]).publish(topic, 'before')
    const kafka = client.connect({ brokers: [`127.0.0.1:${proxied}`], ...{ retry: { retries: 1 } } })
    const producer = new KafkajsProducer(kafka, { deadlineMs: 100, lingerMs: 0 })
    undo.push(() => producer.close())
    const send = (text: string): Promise<readonly SendResult[]> =>
      producer.send(topic, [
        { key: undefined, value: Buffer.from(text), headers: undefined, time: Date.now() },
      ])
    expect(await send('first')).toMatchObject([{ offset: 1 }])

    proxy.close()
    await eventually(() => sockets.every((socket) => socket.destroyed || socket.readableEnded))
    expect(await send('never')).toMatchObject([{ certain: true, down: true }])
    expect(await send('nor this')).toMatchObject([{ certain: true, down: true }])
    await proxy.listen()
    proxy.become('open')

    expect(await send('after')).toMatchObject([{ offset: 2 }])
  }, 60_000)

  it.each(engines)(
    'closing does not wait for it: $name',
    async (engine) => {
      const broker = brokerOn(engine, server.brokers, { publishDeadlineMs: 2000 })
      const topic = newTopic()
      broker.subscribe(topic, () => undefined, { group: uniqueName('g'), from: 'start' })
      await broker.publish(topic, 'before')
      await server.kill()
      const publishing = broker.publish(topic, 'during').catch((error: unknown) => error)
      const since = Date.now()

      await broker.close()

      expect(await publishing).toMatchObject({ code: expect.stringMatching(/^SPW_/) })
      expect(Date.now() - since).toBeLessThan(8000)
      await server.start()
    },
    60_000,
  )
})

/** An engine whose connections are kept, where that is possible. */
function watching(engine: KafkaEngine, sockets: Socket[]): KafkaEngine {
  if (engine.name !== 'kafkajs') return engine
  const socketFactory: ISocketFactory = ({ host, onConnect, port }) => {
    const socket = connect(port, host, onConnect)
    socket.setKeepAlive(true, 60_000)
    sockets.push(socket)
    return socket
  }
  return { ...engine, connect: (options) => engine.connect({ ...options, socketFactory }) }
}
