import { describe, expect, expectTypeOf, it } from 'vitest'
import { assertBalanced, CapabilityMissingError, type Message, PayloadInvalidError } from '../../src/index.ts'
import { createNatsBroker, type NatsBrokerOptions } from '../../src/nats/index.ts'
import { runChild } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { range, rejection, takeAll } from '../support/watch.ts'
import { broker, connection, Heard, ownServer, silent, throughProxy } from './world.ts'

const server = ownServer()
const text = new TextEncoder()

describe('a broker on core NATS', () => {
  it('says truthfully what it can do', async () => {
    const { capabilities } = await broker(server())

    expect(capabilities).toMatchObject({
      broker: 'nats',
      delivery: 'best-effort',
      durable: false,
      acks: false,
      ackLevels: ['accepted'],
      overflow: ['drop-newest', 'drop-oldest', 'latest', 'disconnect'],
      provides: ['groups', 'wildcards', 'order', 'remote', 'reconnect'],
    })
  })

  it('is refused at the start when more is required than it provides', async () => {
    const opened = await connection(server())
    // @ts-expect-error: it is known not to be durable
    expect(() => createNatsBroker({ connection: opened, requires: ['durable'] })).toThrow(
      CapabilityMissingError,
    )
  })

  it.each([
    { whileDisconnected: 'wait' },
    { whileDisconnected: {} },
    { whileDisconnected: { buffer: { messages: 0 } } },
    { whileDisconnected: { buffer: { bytes: -1 } } },
    { whileDisconnected: { buffer: { timeoutMs: Number.NaN } } },
    { maxUnreadBytes: 1.5 },
    { connection: {} },
    { requires: ['speed'] },
  ])('refuses the options %j', async (wrong) => {
    const options = { connection: await connection(server()), ...wrong } as unknown as NatsBrokerOptions
    expect(() => createNatsBroker(options)).toThrow(expect.objectContaining({ code: 'SPW_INVALID_OPTION' }))
  })

  it('refuses a connection that is closed', async () => {
    const closed = await connection(server())
    await closed.close()
    expect(() => createNatsBroker({ connection: closed })).toThrow(/open connection/)
  })

  it('carries payloads, headers and ids between two connections, in order', async () => {
    const [here, there] = [await broker(server()), await broker(server())]
    const subscription = there.subscribe('orders.>')
    await there.flush()
    const bytes = Uint8Array.of(0, 255, 13, 10)

    await here.publish(
      'orders.created',
      { id: 1, who: 'ä\r\n' },
      { headers: { 'X-Trace': 'ü' }, id: 'order 1' },
    )
    await here.publish('orders.raw', bytes)
    await here.publish('orders.nothing', undefined)
    await here.publish('orders.image', bytes, { headers: { 'Content-Type': 'image/png' } })
    for (const n of range(0, 1000)) void here.publish('orders.n', n)

    const first = (await subscription.next()).value as Message
    expect(first).toMatchObject({ topic: 'orders.created', payload: { id: 1, who: 'ä\r\n' }, id: 'order 1' })
    expect(first.headers).toEqual({ 'X-Trace': 'ü' })
    expect(Math.abs(first.time - Date.now())).toBeLessThan(60_000)
    expect((await subscription.next()).value?.payload).toEqual(bytes)
    expect((await subscription.next()).value?.payload).toBeUndefined()
    const image = (await subscription.next()).value as Message
    expect(image.payload).toEqual(bytes)
    expect(image.headers).toEqual({ 'Content-Type': 'image/png' })
    await eventually(() => subscription.pending === 1000)
    expect(takeAll(subscription)).toEqual(range(0, 1000))
  })

  it('types payloads by a map', async () => {
    interface Events {
      'orders.created': { id: number }
      'orders.paid': { amount: number }
    }
    const typed = createNatsBroker<Events>({ connection: await connection(server()), observer: silent })
    const subscription = typed.subscribe('orders.*')
    await typed.topic('orders.paid').publish({ amount: 5 })

    const { value } = await subscription.next()
    if (value?.topic === 'orders.paid') expectTypeOf(value.payload).toEqualTypeOf<{ amount: number }>()
    expect(value?.payload).toEqual({ amount: 5 })
    // @ts-expect-error: the map has another payload there
    await typed.publish('orders.created', { amount: 1 })
    // @ts-expect-error: the map has no such topic
    expect(() => typed.subscribe('invoices.*')).not.toThrow()
    await typed.close()
  })

  it('gives every message an id and a time, the same each time it is asked', async () => {
    const one = await broker(server())
    const subscription = one.subscribe('t')
    await one.publish('t', 1)
    await one.publish('t', 2)

    const first = (await subscription.next()).value as Message
    const second = (await subscription.next()).value as Message
    expect(first.id).toBe(first.id)
    expect(first.id).not.toBe(second.id)
    expect(first.headers).toEqual({})
    expect(JSON.parse(JSON.stringify(first))).toMatchObject({ topic: 't', payload: 1, id: first.id })
  })

  it('hands over foreign messages whose payload throws when it is read, with the bytes in raw', async () => {
    const one = await broker(server())
    const foreign = await connection(server())
    const subscription = one.subscribe('>')
    await one.flush()
    foreign.publish('foreign', text.encode('not JSON'))

    const { value } = await subscription.next()
    expect(() => value?.payload).toThrow(PayloadInvalidError)
    expect(value?.raw).toEqual(text.encode('not JSON'))
  })

  it('a copy that came for one subscription reaches only that one, however patterns overlap', async () => {
    const [here, there] = [await broker(server()), await broker(server())]
    const [literal, star, tail, twin] = ['a.b', 'a.*', '>', 'a.*'].map((pattern) => there.subscribe(pattern))
    const [red, blue] = ['red', 'blue'].map((group) => there.subscribe('a.*', { group, capacity: 2000 }))
    await there.flush()
    for (const n of range(0, 500)) void here.publish('a.b', n)

    for (const subscription of [literal, star, tail, twin, red, blue]) {
      await eventually(() => subscription?.pending === 500)
    }
    for (const subscription of [literal, star, tail, twin, red, blue]) {
      expect(takeAll(subscription!)).toEqual(range(0, 500))
    }
    const { copies, mailboxes } = there.ledger()
    expect(copies).toBe(3000)
    expect(new Set(mailboxes.map(({ id }) => id)).size).toBe(6)
  })

  it('each message of a group goes to exactly one member, here and in other processes', async () => {
    const [here, there, publisher] = [await broker(server()), await broker(server()), await broker(server())]
    const got: number[][] = [[], [], [], []]
    const take = (n: number) => (message: Message) => void got[n]?.push(message.payload as number)
    const all = here.subscribe('work')
    const others = here.subscribe('work', { group: 'others' })
    here.subscribe('work', take(0), { group: 'g' })
    here.subscribe('work', take(1), { group: 'g' })
    there.subscribe('work', take(2), { group: 'g' })
    there.subscribe('work', take(3), { group: 'g' })
    await Promise.all([here.flush(), there.flush()])
    for (const n of range(0, 1000)) await publisher.publish('work', n)

    await eventually(() => got.flat().length >= 1000)
    await Promise.all([here.flush(), there.flush()])
    expect(got.flat().toSorted((a, b) => a - b)).toEqual(range(0, 1000))
    for (const share of got) expect(share.length).toBeGreaterThan(50)
    expect([all.pending, others.pending]).toEqual([1000, 1000])
  })

  it('a member that drains is given what the server has already chosen it for', async () => {
    const { one: here, proxy } = await throughProxy(server())
    const [there, publisher] = [await broker(server()), await broker(server())]
    const got: number[][] = [[], []]
    const take = (n: number) => (message: Message) => void got[n]?.push(message.payload as number)
    const leaver = here.subscribe('work', take(0), { group: 'g' })
    there.subscribe('work', take(1), { group: 'g' })
    await Promise.all([here.flush(), there.flush()])

    proxy.stall()
    for (const n of range(0, 500)) void publisher.publish('work', n)
    await publisher.flush()
    const left = leaver.drain()
    expect(got[0]).toEqual([]) // it is all under way
    proxy.heal()
    await left
    expect(leaver.closed).toBe(true)
    for (const n of range(500, 1000)) void publisher.publish('work', n)
    await Promise.all([publisher.flush(), there.flush()])

    await eventually(() => got.flat().length >= 1000)
    expect(got.flat().toSorted((a, b) => a - b)).toEqual(range(0, 1000))
    expect(got[0]?.length).toBeGreaterThan(50)
  })

  it('a member may come back while the last one drains', async () => {
    const one = await broker(server())
    const leaver = one.subscribe('work', { group: 'g' })
    const left = leaver.drain()
    const heir = one.subscribe('work', { group: 'g' })
    await left
    await one.publish('work', 1)

    expect((await heir.next()).value?.payload).toBe(1)
  })

  it('unsubscribes at the server when the last subscription of a pattern is gone', async () => {
    const one = await broker(server())
    const subscriptions = [one.subscribe('a'), one.subscribe('a'), one.subscribe('b', () => undefined)]
    await one.flush()
    const count = async (): Promise<number> => {
      const answer = await fetch(`${server().monitorUrl}/varz`)
      return ((await answer.json()) as { subscriptions: number }).subscriptions
    }
    const before = await count()
    for (const subscription of subscriptions) subscription.close()
    await one.flush()

    expect(before - (await count())).toBe(2)
    expect(one.ledger()).toMatchObject({ copies: 0, mailboxes: [] })
  })

  it('leaves nothing on its connection when it is closed', async () => {
    const link = await connection(server())
    const one = await broker(server(), { connection: link })
    one.subscribe('a')
    one.subscribe('b', () => undefined, { group: 'g' })
    await one.publish('a', 1)
    const { protocol } = link as unknown as {
      protocol: { listeners: unknown[]; subscriptions: { size(): number } }
    }
    expect([protocol.listeners.length, protocol.subscriptions.size()]).toEqual([1, 2])
    await one.close()

    await eventually(() => protocol.listeners.length === 0)
    expect(protocol.subscriptions.size()).toBe(0)
  })

  it('validates payloads before they are sent', async () => {
    const positive = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) =>
          typeof value === 'number' && value > 0 ? { value } : { issues: [{ message: 'not above 0' }] },
      },
    } as const
    const one = await broker(server(), { schemas: { 'n.*': positive } })

    expect(await rejection(one.publish('n.a', -1))).toBeInstanceOf(PayloadInvalidError)
    expect(await rejection(one.publish('t', 1n))).toBeInstanceOf(PayloadInvalidError)
    expect(one.ledger().published).toBe(0)
  })

  it('leaves everything to a codec', async () => {
    const codec = {
      encode: (payload: unknown) => text.encode(`<${String(payload)}>`),
      decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
    }
    const one = await broker(server(), { codec })
    const subscription = one.subscribe('t')
    await one.publish('t', 'a')

    expect((await subscription.next()).value?.payload).toBe('<a>')
  })

  it.each(['block', 'fail', 'spill'] as const)('refuses the policy %s, and says why', async (overflow) => {
    const one = await broker(server())

    expect(() => one.subscribe('t', { overflow })).toThrow(
      expect.objectContaining({ code: 'SPW_INVALID_OPTION', option: 'overflow', value: overflow }),
    )
    expect(one.ledger().mailboxes).toEqual([])
  })

  it('N9: a subscriber that never reads costs bounded memory, whatever passes it by', async () => {
    const count = 60_000
    const result = await runChild<{ grownBytes: number; handled: number; pending: number[] }>(
      'nats-stuck.ts',
      server().url,
      count,
    )

    expect(result).toMatchObject({ handled: count, pending: [1024, 1024] })
    expect(result.grownBytes).toBeLessThan(16 * 1024 * 1024) // of 60 MB
  }, 60_000)

  it('reports a subscription that the server refuses, and ends it', async () => {
    const heard = new Heard()
    const permissions = { subscribe: { deny: 'secret' }, publish: { deny: 'secret' } }
    const other = await import('../support/servers/nats.ts').then(({ startNats }) =>
      startNats({
        jetStream: false,
        config: { authorization: { users: [{ user: 'u', password: 'p', permissions }] } },
      }),
    )
    try {
      const guarded = createNatsBroker({
        connection: await connection(other, { user: 'u', pass: 'p' }),
        observer: heard.observer,
      })
      const subscription = guarded.subscribe('secret', { group: 'g' })
      expect((await subscription.next()).done).toBe(true)
      expect(heard.warning).toMatchObject([{ code: 'subscription-refused', subscription: { group: 'g' } }])
      expect(guarded.health().lastError).toMatch(/permissions violation/i)

      await guarded.publish('secret', 1)
      await eventually(() => heard.warning.length === 2)
      expect(heard.warning[1]).toMatchObject({ code: 'publish-refused' })
      assertBalanced(guarded.ledger())
      await guarded.close()
    } finally {
      await other.dispose()
    }
  })
})
