import { describe, expect, it } from 'vitest'
import { type Message, SlowSubscriberError } from '../../src/index.ts'
import { connectNats, PublishOverloadedError, PublishUnconfirmedError } from '../../src/nats/index.ts'
import { loadTransport } from '../../src/nats/connect.ts'
import { eventually } from '../support/eventually.ts'
import { undo } from '../support/undo.ts'
import { Gate, losses, range, rejection, watch } from '../support/watch.ts'
import { broker, connection, Heard, ownServer, throughProxy } from './world.ts'

const server = ownServer({ config: { max_pending: 262_144, max_payload: 65_536, write_deadline: '300ms' } })

describe('handlers', () => {
  it('N5: drain waits for those that are at work, and for what the server has already sent', async () => {
    const { one, proxy } = await throughProxy(server())
    const other = await broker(server())
    const gate = new Gate()
    const [started, finished] = [new Set<unknown>(), new Set<unknown>()]
    const handler = async ({ payload }: Message): Promise<void> => {
      started.add(payload)
      await gate.opened
      finished.add(payload)
    }
    one.subscribe('t', handler, { concurrency: 10 })
    await one.flush()
    proxy.stall()
    for (const n of range(0, 30)) await other.publish('t', n)
    await other.flush()

    const drained = watch(one.drain())
    proxy.heal()
    await eventually(() => started.size === 10)
    expect(drained.state).toBe('pending')
    gate.open()
    await eventually(() => drained.state === 'resolved')
    expect(drained.value).toMatchObject({ complete: true, dropped: 0 })
    expect(finished.size).toBe(30)
  })

  it('N5: drain gives up at its deadline, and says so', async () => {
    const one = await broker(server())
    one.subscribe('t', () => new Promise(() => undefined))
    await one.publish('t', 1)
    await one.publish('t', 2)
    await one.flush()

    const report = await one.drain({ timeoutMs: 50 })
    expect(report).toMatchObject({ complete: false, dropped: 1 })
  })

  it('N6: whatever user code throws, the connection reads on', async () => {
    const heard = new Heard()
    const bad = (): never => {
      throw new Error('bad')
    }
    const one = await broker(server(), { observer: { ...heard.observer, dropped: bad, subscribed: bad } })
    let handled = 0
    one.subscribe('t', bad)
    one.subscribe('t', async () => bad())
    one.subscribe('t', ({ payload }) => payload) // not JSON: reading it throws
    one.subscribe('t', { capacity: 1, onDrop: bad })
    one.subscribe('t', { capacityBytes: 100, sizeOf: bad })
    one.subscribe('t', { overflow: 'latest', key: bad, capacity: 1 })
    one.subscribe('t', () => void handled++)
    await one.flush()

    const foreign = await connection(server())
    for (const _ of range(0, 100)) foreign.publish('t', 'not JSON')
    await foreign.flush()

    await eventually(() => handled === 100)
    await one.flush()
    expect(heard.handlerError.length).toBe(300)
    expect(heard.callbackError.length).toBeGreaterThan(300)
    expect(one.health()).toMatchObject({ state: 'connected', reconnects: 0 })
  })
})

describe('a slow server or subscriber', () => {
  it('N7: a connection that the server cuts for being slow is reported as a possible loss', async () => {
    const heard = new Heard()
    const { one: slow, proxy } = await throughProxy(server(), { observer: heard.observer })
    const got: unknown[] = []
    slow.subscribe('t', ({ payload }) => void got.push(payload), { capacity: 100_000 })
    await slow.flush()
    // The server makes who publishes to somebody slow wait.
    const fast = await broker(server(), { connection: await connection(server(), { pingInterval: 60_000 }) })

    proxy.stall()
    const body = 'x'.repeat(10_000)
    let published = 0
    await eventually(async () => {
      for (const _ of range(0, 200)) await fast.publish('t', body)
      published += 200
      await fast.flush()
      const answer = (await (await fetch(`${server().monitorUrl}/varz`)).json()) as { slow_consumers: number }
      return answer.slow_consumers > 0
    })
    proxy.heal()

    await eventually(() => slow.health().reconnects === 1)
    expect(heard.states).toEqual(['disconnected', 'connected'])
    expect(heard.warning.map(({ code }) => code)).toContain('connection-lost')
    await slow.flush()
    expect(got.length).toBeLessThan(published)
  })

  it('N8: publishes wait for a server that does not read, and are refused beyond the limit', async () => {
    const limit = 1024 * 1024
    const { one, proxy } = await throughProxy(server(), { maxUnreadBytes: limit })
    let got = 0
    one.subscribe('t', () => void got++)
    await one.flush()
    proxy.stall()
    const body = 'x'.repeat(10_000)

    const published = range(0, 200).map(() => watch(one.publish('t', body)))
    await eventually(() => published.at(-1)?.state === 'rejected')
    const refused = published.filter(({ state }) => state === 'rejected')
    const free = published.filter(({ state }) => state === 'resolved')
    expect(refused[0]?.error).toBeInstanceOf(PublishOverloadedError)
    expect(free.length * 10_000).toBeLessThan(limit / 8 + 10_000)
    const { sent, waiting } = one.ledger().transport
    expect(waiting * 10_000).toBeLessThanOrEqual(limit)
    expect(waiting).toBe(sent)
    expect(sent).toBe(200 - refused.length)

    proxy.heal()
    await eventually(() => published.every(({ state }) => state !== 'pending'))
    await one.flush()
    await eventually(() => got === sent)
    expect(one.ledger().transport).toMatchObject({ sent, confirmed: sent, waiting: 0 })
  })

  it('N8: who waits hears of a lost connection, or of its own signal', async () => {
    const { one, proxy } = await throughProxy(server(), { maxUnreadBytes: 80_000 })
    await one.flush()
    proxy.stall()
    const controller = new AbortController()
    await one.publish('t', 'x'.repeat(9000))
    const lost = rejection(one.publish('t', 'x'.repeat(9000)))
    const aborted = rejection(one.publish('t', 'x'.repeat(9000), { signal: controller.signal }))
    controller.abort('enough')

    expect(await aborted).toBe('enough')
    proxy.cut()
    expect(await lost).toBeInstanceOf(PublishUnconfirmedError)
    expect(one.ledger().transport).toMatchObject({ sent: 3, unknown: 3, waiting: 0 })
  })

  it('N9: a subscriber that never reads has a bounded mailbox, and delays nobody', async () => {
    const [one, other] = [await broker(server()), await broker(server())]
    const stuck = one.subscribe('t')
    const tail = one.subscribe('t', { overflow: 'drop-oldest', capacity: 10 })
    const latest = one.subscribe('t', { overflow: 'latest', key: () => 1 })
    let healthy = 0
    one.subscribe('t', () => void healthy++)
    await one.flush()
    for (const n of range(0, 20_000)) await other.publish('t', n)
    await other.flush()

    await eventually(() => healthy === 20_000)
    expect([stuck.pending, tail.pending, latest.pending]).toEqual([1024, 10, 1])
    expect(losses(stuck.ledger())).toEqual({ 'buffer-full': 20_000 - 1024 })
    expect(losses(tail.ledger())).toEqual({ 'evicted-oldest': 20_000 - 10 })
    expect(latest.poll()?.payload).toBe(19_999)
  })

  it('N9: the policy disconnect ends it, and nothing more is sent for it', async () => {
    const one = await broker(server())
    const stuck = one.subscribe('t', { overflow: 'disconnect', capacity: 10 })
    await one.flush()
    for (const n of range(0, 100)) await one.publish('t', n)
    await one.flush()

    await eventually(() => stuck.closed)
    expect(await rejection(stuck.next())).toBeInstanceOf(SlowSubscriberError)
    expect(one.ledger()).toMatchObject({ copies: 11, mailboxes: [] })
  })
})

describe('names', () => {
  it.each(['', 'a..b', '.a', 'a.', 'orders.*', 'orders.>', '>', 'a b', 'a\r\nPUB b 0', 'a\tb', 7])(
    'N10: publishing to %j is refused, and nothing is sent',
    async (topic) => {
      const link = await connection(server())
      const one = await broker(server(), { connection: link })
      const before = link.stats().outMsgs

      expect(await rejection(one.publish(topic as string, 1))).toMatchObject({ code: 'SPW_INVALID_TOPIC' })
      expect(() => one.topic(topic as string)).toThrow(expect.objectContaining({ code: 'SPW_INVALID_TOPIC' }))
      expect(link.stats().outMsgs).toBe(before)
    },
  )

  it.each(['', 'a..b', 'a.>.b', 'a*', 'a b', 'a\r\nUNSUB 1'])(
    'N10: subscribing to %j is refused',
    async (pattern) => {
      const one = await broker(server())

      expect(() => one.subscribe(pattern)).toThrow(expect.objectContaining({ code: 'SPW_INVALID_PATTERN' }))
    },
  )

  it.each(['', 'a b', 'a\r\nPUB t 0', 'a\u0000', '\ud800', 'long'])(
    'N10: a group called %j is refused: it would break the protocol',
    async (name) => {
      const one = await broker(server())
      const group = name === 'long' ? 'x'.repeat(5000) : name

      expect(() => one.subscribe('t', { group })).toThrow(
        expect.objectContaining({ code: 'SPW_INVALID_OPTION', option: 'group' }),
      )
      expect(one.ledger().mailboxes).toEqual([])
    },
  )

  it('N10: the longest names fit the protocol', async () => {
    const one = await broker(server())
    const topic = `${'ä'.repeat(1021)}.x`
    const subscription = one.subscribe(topic, { group: 'g'.repeat(1500) })
    await one.publish(topic, 1)

    expect((await subscription.next()).value).toMatchObject({ topic, payload: 1 })
  })

  it('N10: headers that NATS cannot carry are refused, and nothing is sent', async () => {
    const link = await connection(server())
    const one = await broker(server(), { connection: link })
    const before = link.stats().outMsgs

    for (const headers of [{ 'a b': '1' }, { a: 'x\r\ny' }, { a: ' x' }, { 'Nats-Msg-Id': '1' }])
      expect(await rejection(one.publish('t', 1, { headers }))).toMatchObject({ code: 'SPW_INVALID_OPTION' })
    expect(link.stats().outMsgs).toBe(before)
  })
})

describe('connectNats', () => {
  it('N16: waits for a server that is not there yet', async () => {
    await server().kill()
    const opening = watch(connectNats({ servers: server().url, reconnectTimeWait: 10 }))
    undo.push(() => opening.value?.close())
    await server().start()

    await eventually(() => opening.state === 'resolved')
    expect(opening.value?.isClosed()).toBe(false)
  })

  it('N16: stops waiting when its signal aborts, and does not wait when it shall not', async () => {
    await server().kill()
    const controller = new AbortController()
    const opening = rejection(connectNats({ servers: server().url, signal: controller.signal }))
    controller.abort('enough')

    expect(await opening).toBe('enough')
    const once = rejection(connectNats({ servers: server().url, waitOnFirstConnect: false }))
    expect(await once).toMatchObject({ name: 'ConnectionError' })
  })

  it('says which package is missing', async () => {
    const packageName: string = '@nats-io/not-installed'
    const loading = loadTransport(() => import(/* @vite-ignore */ packageName) as Promise<never>)

    expect(await rejection(loading)).toMatchObject({
      code: 'SPW_CLIENT_MISSING',
      packageName: '@nats-io/transport-node',
    })
  })

  it('N16: does not try wrong credentials again', async () => {
    const { startNats } = await import('../support/servers/nats.ts')
    const guarded = await startNats({ jetStream: false, config: { authorization: { token: 'right' } } })
    undo.push(() => guarded.dispose())

    const error = await rejection(connectNats({ servers: guarded.url, token: 'wrong' }))
    expect(error).toMatchObject({ name: 'AuthorizationError' })
  })

  it('N16: reconnects for ever', async () => {
    const link = await connectNats({ servers: server().url, reconnectTimeWait: 5, reconnectJitter: 1 })
    undo.push(() => link.close())
    const one = await broker(server(), { connection: link })
    let dials = 0
    void (async () => {
      for await (const { type } of link.status()) if (type === 'reconnecting') dials++
    })()
    await server().kill()
    await eventually(() => dials > 30) // the client alone gives up after ten
    await server().start()

    await eventually(() => one.health().state === 'connected')
    await one.publish('t', 1)
    await one.flush()
    expect(one.ledger().transport).toMatchObject({ sent: 1, confirmed: 1 })
  })

  it('N18: a server that has gone silent is noticed by pings, and its way back too', async () => {
    const heard = new Heard()
    const { one, proxy } = await throughProxy(server(), { observer: heard.observer }, 50)
    await one.flush()

    proxy.stall()
    await eventually(() => one.health().state === 'disconnected')
    expect(one.health().lastError).toMatch(/pings/)
    proxy.heal()
    await eventually(() => one.health().state === 'connected')
    await one.flush()
    expect(heard.states).toEqual(['disconnected', 'connected'])
  })

  it('N18: notices in seconds by default, where the client takes minutes', async () => {
    const link = await connectNats({ servers: server().url })
    undo.push(() => link.close())
    const { options } = link as unknown as { options: Record<string, unknown> }

    expect(options).toMatchObject({
      pingInterval: 10_000,
      maxPingOut: 2,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 100,
    })
  })
})
