import { describe, expect, it } from 'vitest'
import { assertBalanced } from '../../../src/index.ts'
import {
  DisconnectedError,
  MessageTooLargeError,
  PublishOverloadedError,
  PublishRejectedError,
  PublishUnconfirmedError,
} from '../../../src/nats/index.ts'
import { eventually } from '../../support/eventually.ts'
import { range, rejection, watch } from '../../support/watch.ts'
import { broker, connection, Heard, manager, ownStream, streamServer, world } from './world.ts'

const server = streamServer()

describe('publishing to JetStream', () => {
  it('says where the message is, and that it is written but not synced (N17)', async () => {
    const { broker: made, name, prefix } = await world(server())

    const receipts = [await made.publish(`${prefix}.a`, 1), await made.publish(`${prefix}.b`, 2)]

    const where = { level: 'written', routed: true, stream: name, duplicate: false }
    expect(receipts).toEqual([
      { ...where, offset: 0, seq: 1 },
      { ...where, offset: 1, seq: 2 },
    ])
    expect(made.capabilities.provides).not.toContain('synced')
    expect(made.capabilities.ackLevels).toEqual(['accepted', 'written'])
  })

  it('stores a message once however often it is published with the same id', async () => {
    const { broker: made, prefix } = await world(server())

    const first = await made.publish(`${prefix}.a`, 1, { id: 'one' })
    const again = await made.publish(`${prefix}.a`, 1, { id: 'one' })

    expect(again).toEqual({ ...first, duplicate: true })
    expect(await made.streams()).toMatchObject([{ messages: 1, first: 0, next: 1 }])
  })

  it('rejects what no stream keeps, at once and saying so (N11)', async () => {
    const { broker: made } = await world(server())

    const error = await rejection(made.publish('nobody.keeps.this', 1))

    expect(error).toBeInstanceOf(PublishRejectedError)
    expect((error as Error).message).toContain('no stream keeps this topic')
    expect(made.ledger()).toMatchObject({ published: 1, routed: 0, unrouted: 1, transport: { failed: 1 } })
  })

  it('refuses topics that would be commands to the server, and those that are none (N10)', async () => {
    const { broker: made, name } = await world(server())
    for (const topic of [`$JS.API.STREAM.DELETE.${name}`, 'a..b', 'a.*', ''])
      expect(await rejection(made.publish(topic, 1))).toMatchObject({ code: 'SPW_INVALID_TOPIC' })
    expect(await made.streams()).toHaveLength(1)
    expect(made.ledger().transport.sent).toBe(0)
  })

  it('rejects what is larger than the server takes, without sending it', async () => {
    const { broker: made, prefix } = await world(server())
    const error = await rejection(made.publish(`${prefix}.a`, new Uint8Array(2 ** 20)))
    expect(error).toBeInstanceOf(MessageTooLargeError)
    expect(made.ledger().transport.sent).toBe(0)
  })

  it('rejects what a full work queue refuses, with what the server said', async () => {
    const { broker: made, prefix } = await world(server(), { retention: 'work-queue', maxMessages: 10 })

    const settled = await Promise.allSettled(range(0, 100).map((n) => made.publish(`${prefix}.a`, n)))

    const stored = settled.filter(({ status }) => status === 'fulfilled')
    expect(stored).toHaveLength(10)
    const refused = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    expect(refused.every((error) => error instanceof PublishRejectedError)).toBe(true)
    expect(String(refused[0].cause)).toContain('maximum messages exceeded')
    expect(await made.streams()).toMatchObject([{ messages: 10 }])
    expect(made.ledger().transport).toMatchObject({ confirmed: 10, failed: 90, waiting: 0 })
  })

  it('keeps at most a window with the server, lets the rest wait in order, and refuses what is too much', async () => {
    const window = { messages: 4, waitingBytes: 2_000 }
    const { broker: made, prefix } = await world(server(), {}, { window })

    const published = range(0, 30).map(() => watch(made.publish(`${prefix}.a`, new Uint8Array(200))))
    const { waiting } = made.ledger().transport
    await eventually(() => published.every(({ state }) => state !== 'pending'))

    const refused = published.filter(({ state }) => state === 'rejected')
    expect(waiting).toBe(10) // four with the server, and what fits into 2,000 bytes with headers
    expect(refused).toHaveLength(30 - waiting)
    expect(refused.every(({ error }) => error instanceof PublishOverloadedError)).toBe(true)
    const offsets = published.flatMap(({ value }) => (value === undefined ? [] : [value.offset]))
    expect(offsets).toEqual(range(0, waiting))
  })

  it('tells what the server may have from what it cannot have when the deadline passes', async () => {
    const { broker: made, prefix } = await world(server(), {}, { publishDeadlineMs: 200 })
    await server().freeze()
    const sent = await rejection(made.publish(`${prefix}.a`, 1))
    await server().kill()
    await eventually(() => made.health().state === 'disconnected')
    const unsent = await rejection(made.publish(`${prefix}.a`, 2))

    expect(sent).toBeInstanceOf(PublishUnconfirmedError)
    expect(unsent).toBeInstanceOf(DisconnectedError)
    expect(made.ledger().transport).toEqual({ sent: 2, confirmed: 0, failed: 1, unknown: 1, waiting: 0 })
  })

  it('is flushed by itself: what is published meanwhile is not waited for', async () => {
    const { broker: made, prefix } = await world(server(), {}, { window: { messages: 2 } })
    const flushed = new AbortController()
    const publishing = range(0, 4).map(async (publisher) => {
      while (!flushed.signal.aborted) await made.publish(`${prefix}.${publisher}`, 1)
    })
    const before = range(0, 20).map(() => watch(made.publish(`${prefix}.a`, 1)))

    await made.flush({ timeoutMs: 5000 }).finally(() => flushed.abort())

    expect(before.every(({ state }) => state === 'resolved')).toBe(true)
    await Promise.all(publishing)
  })

  it('gives up when its signal aborts', async () => {
    const { broker: made, prefix } = await world(server())
    await server().freeze()
    const abort = new AbortController()
    const published = rejection(made.publish(`${prefix}.a`, 1, { signal: abort.signal }))
    abort.abort(new Error('enough'))
    expect(await published).toMatchObject({ message: 'enough' })
    expect(made.ledger().transport).toMatchObject({ unknown: 1, waiting: 0 })
  })
})

describe('a server that is away', () => {
  it('loses nothing that is published while it is away: it is sent when it is back (N1)', async () => {
    const heard = new Heard()
    const { broker: made, prefix } = await world(server(), {}, { observer: heard.observer })
    await made.publish(`${prefix}.a`, 'before')
    await server().kill()
    await eventually(() => made.health().state === 'disconnected')

    const published = range(0, 500).map((n) => made.publish(`${prefix}.a`, n))
    expect(made.ledger().transport.waiting).toBe(500)
    await server().start()

    expect((await Promise.all(published)).map(({ offset }) => offset)).toEqual(range(1, 501))
    expect(made.ledger().transport).toMatchObject({ confirmed: 501, waiting: 0 })
    expect(heard.states).toEqual(['disconnected', 'connected'])
  })

  it('has each of 3,000 messages once, in order, after three SIGKILLs in the middle of them (N3)', async () => {
    const { broker: made, prefix, streams } = await world(server(), {}, { resendAfterMs: 1000 })
    const kills = new Set([500, 1400, 2300])
    const published: Promise<{ readonly seq: number }>[] = []
    let confirmed = 0
    for (let n = 0; n < 3000; n++) {
      const one = made.publish(`${prefix}.a`, n)
      void one.then(() => confirmed++)
      published.push(one)
      if (kills.has(n)) {
        await eventually(() => made.health().state === 'connected')
        void server()
          .kill()
          .then(() => server().start())
        await eventually(() => made.health().state === 'disconnected')
      }
      if (n % 50 === 0) await eventually(() => n - confirmed < 1000)
      assertBalanced(made.ledger())
    }

    const receipts = await Promise.all(published)

    expect(receipts.map(({ seq }) => seq)).toEqual(range(1, 3001))
    expect(made.health().reconnects).toBe(3)
    const other = await broker(server(), { streams })
    const reader = other.subscribe(`${prefix}.a`, { from: 'start' })
    const read: unknown[] = []
    for await (const message of reader) {
      read.push(message.payload)
      if (read.length === 3000) break
    }
    expect(read).toEqual(range(0, 3000))
    expect(made.ledger().transport).toMatchObject({ sent: 3000, confirmed: 3000, unknown: 0, failed: 0 })
  })

  it('that does not answer is given up and found again: nothing is lost (N18)', async () => {
    const { broker: made, prefix } = await world(server())
    await server().freeze()
    const published = range(0, 100).map((n) => made.publish(`${prefix}.a`, n))
    await eventually(() => made.health().state === 'disconnected')
    server().thaw()
    expect((await Promise.all(published)).map(({ offset }) => offset)).toEqual(range(0, 100))
  })

  it('is waited for by a drain, and is not by a close', async () => {
    const own = ownStream()
    const streams = [{ name: own.name, topics: [`${own.prefix}.>`] }]
    const [draining, closing] = [await broker(server(), { streams }), await broker(server(), { streams })]
    await server().kill()
    await eventually(() => [draining, closing].every((made) => made.health().state === 'disconnected'))
    const [kept, given] = [
      draining.publish(`${own.prefix}.a`, 1),
      rejection(closing.publish(`${own.prefix}.a`, 2)),
    ]

    const drained = draining.drain()
    await closing.close()
    expect(await given).toMatchObject({ code: 'SPW_BROKER_CLOSED' })
    await server().start()

    expect(await drained).toMatchObject({ complete: true })
    expect(await kept).toMatchObject({ offset: 0 })
    expect(await rejection(draining.publish(`${own.prefix}.a`, 3))).toMatchObject({
      code: 'SPW_BROKER_CLOSED',
    })
  })

  it('is not closed by the broker, and a connection that ends rejects what waits', async () => {
    const link = await connection(server())
    const { broker: made, prefix } = await world(server(), {}, { connection: link })
    await made.close()
    expect(link.isClosed()).toBe(false)
    const { broker: other } = await world(server(), {}, { connection: link })
    await server().freeze()
    const published = rejection(other.publish(`${prefix}.a`, 1))
    await link.close()
    expect(await published).toBeInstanceOf(PublishUnconfirmedError)
    expect(await rejection(other.publish(`${prefix}.a`, 1))).toBeInstanceOf(DisconnectedError)
    expect(other.health().state).toBe('closed')
    server().thaw()
    expect((await manager(server())).streams).toBeDefined()
  })
})
