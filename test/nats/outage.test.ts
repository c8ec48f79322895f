import { describe, expect, it } from 'vitest'
import { assertBalanced, BrokerClosedError, type Message } from '../../src/index.ts'
import { DisconnectedError, MessageTooLargeError, PublishUnconfirmedError } from '../../src/nats/index.ts'
import { eventually } from '../support/eventually.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { range, rejection, watch } from '../support/watch.ts'
import { broker, connection, Heard, ownServer, throughProxy } from './world.ts'

const server = ownServer({ config: { max_payload: 4096 } })

async function down(...brokers: { health(): { state: string } }[]): Promise<void> {
  await server().kill()
  await eventually(() => brokers.every((each) => each.health().state === 'disconnected'))
}

async function up(...brokers: { health(): { state: string } }[]): Promise<void> {
  await server().start()
  await eventually(() => brokers.every((each) => each.health().state === 'connected'))
}

describe('while the server is away', () => {
  it('N1: a publish is refused, and the client is given nothing it would lose', async () => {
    const link = await connection(server())
    const one = await broker(server(), { connection: link })
    await one.publish('t', 1)
    await one.flush()
    await down(one)
    const before = link.stats().outMsgs

    const errors = await Promise.all(range(0, 100).map((n) => rejection(one.publish('t', n))))

    for (const error of errors) expect(error).toBeInstanceOf(DisconnectedError)
    expect(link.stats().outMsgs).toBe(before)
    expect(one.ledger().transport).toEqual({ sent: 1, confirmed: 1, failed: 0, unknown: 0, waiting: 0 })
    await up(one)
    await one.publish('t', 2)
  })

  it('N1: with a buffer everything is handed over in order when it is back', async () => {
    const one = await broker(server(), { whileDisconnected: { buffer: {} } })
    const got: unknown[] = []
    one.subscribe('t', (message) => void got.push(message.payload))
    await one.flush()
    await down(one)

    const body = Uint8Array.of(1)
    const published = range(0, 500).map((n) => one.publish('t', n))
    published.push(one.publish('t', body, { id: 'kept' }))
    body[0] = 2 // it was copied
    expect(one.ledger().transport).toMatchObject({ sent: 501, waiting: 501 })
    await up(one)
    published.push(one.publish('t', 'after'))

    expect(await Promise.all(published)).toEqual(published.map(() => ({ level: 'accepted', routed: true })))
    await eventually(() => got.length === 502)
    expect(got).toEqual([...range(0, 500), Uint8Array.of(1), 'after'])
  })

  it('N1: the buffer is bounded by messages and bytes, and refuses what is beyond', async () => {
    const few = await broker(server(), { whileDisconnected: { buffer: { messages: 3 } } })
    const small = await broker(server(), { whileDisconnected: { buffer: { bytes: 100 } } })
    await down(few, small)

    const kept = range(0, 3).map((n) => watch(few.publish('t', n)))
    expect(await rejection(few.publish('t', 3))).toBeInstanceOf(DisconnectedError)
    const body = watch(small.publish('t', 'x'.repeat(80)))
    expect(await rejection(small.publish('t', 'x'.repeat(20)))).toBeInstanceOf(DisconnectedError)
    expect(few.ledger().transport).toMatchObject({ sent: 3, waiting: 3, failed: 0 })
    await up(few, small)

    await eventually(() => [...kept, body].every(({ state }) => state === 'resolved'))
  })

  it('N1: what is kept leaves the buffer when its signal aborts, its time is up, or the broker closes', async () => {
    const clock = new ManualClock()
    const one = await broker(server(), { clock, whileDisconnected: { buffer: { timeoutMs: 100 } } })
    await down(one)
    const { signal, abort } = abortable()
    const [aborted, late] = [rejection(one.publish('t', 1, { signal })), rejection(one.publish('t', 2))]

    abort('enough')
    expect(await aborted).toBe('enough')
    clock.advance(60)
    const closed = rejection(one.publish('t', 3))
    clock.advance(40)
    expect(await late).toBeInstanceOf(DisconnectedError)
    expect(one.ledger().transport).toMatchObject({ sent: 3, failed: 2, waiting: 1 })
    await one.close()
    expect(await closed).toBeInstanceOf(BrokerClosedError)
    expect(one.ledger().transport).toEqual({ sent: 3, confirmed: 0, failed: 3, unknown: 0, waiting: 0 })
    await server().start()
  })

  it('N1: what was handed over before and not confirmed is counted, and said', async () => {
    const heard = new Heard()
    const { one, proxy } = await throughProxy(server(), { observer: heard.observer })
    await one.publish('t', 'confirmed')
    await one.flush()
    proxy.stall()
    for (const n of range(0, 200)) await one.publish('t', n)

    proxy.cut()
    await eventually(() => one.health().state === 'disconnected')

    expect(one.ledger().transport).toEqual({ sent: 201, confirmed: 1, failed: 0, unknown: 200, waiting: 0 })
    expect(heard.connection).toMatchObject([{ state: 'disconnected', unconfirmed: 200 }])
    expect(heard.warning).toMatchObject([{ code: 'connection-lost' }])
    expect(heard.warning[0]?.text).toMatch(/200 messages/)
    proxy.heal()
    await eventually(() => one.health().state === 'connected')
  })

  it('N2: flush waits for the server to be back, and gives up at its deadline', async () => {
    const one = await broker(server())
    await one.flush()
    await down(one)

    expect(await rejection(one.flush({ timeoutMs: 50 }))).toBeInstanceOf(PublishUnconfirmedError)
    const flushed = watch(one.flush())
    await up(one)
    await eventually(() => flushed.state === 'resolved')
  })

  it('N2: flush rejects when what it waits for may have been lost', async () => {
    const { one, proxy } = await throughProxy(server())
    await one.flush()
    proxy.stall()
    await one.publish('t', 1)
    const flushed = rejection(one.flush())
    proxy.cut()
    await eventually(() => one.health().state === 'disconnected')
    proxy.heal()

    expect(await flushed).toBeInstanceOf(PublishUnconfirmedError)
  })

  it('N3: a message the server has read is lost for a subscriber that is away, which is told', async () => {
    const heard = new Heard()
    const { one: there, proxy } = await throughProxy(server(), { observer: heard.observer })
    const got: unknown[] = []
    there.subscribe('t', (message) => void got.push(message.payload))
    await there.flush()
    const here = await broker(server())

    proxy.cut()
    await eventually(() => there.health().state === 'disconnected')
    await here.publish('t', 'lost')
    await here.flush()
    expect(here.ledger().transport).toMatchObject({ sent: 1, confirmed: 1 })
    proxy.heal()
    await eventually(() => there.health().state === 'connected')
    await there.flush()
    await here.publish('t', 'received')

    await eventually(() => got.length > 0)
    expect(got).toEqual(['received'])
    expect(heard.states).toEqual(['disconnected', 'connected'])
    expect(heard.warning.at(-1)?.text).toMatch(/is back.*missing/)
  })

  it('N4: drain and close keep to their deadline, and leave the connection to its owner', async () => {
    const link = await connection(server())
    const one = await broker(server(), { connection: link, whileDisconnected: { buffer: {} } })
    const other = await broker(server(), { connection: link })
    one.subscribe('t', () => undefined, { group: 'g' })
    await down(one, other)
    const kept = rejection(one.publish('t', 1))

    const report = await one.drain({ timeoutMs: 100 })

    expect(report.complete).toBe(false)
    expect(await kept).toBeInstanceOf(BrokerClosedError)
    await other.close()
    expect(link.isClosed()).toBe(false)
    expect(one.health().state).toBe('closed')
    await up(await broker(server(), { connection: link }))
  })

  it('N4: close does not wait for a server that answers nothing', async () => {
    const { one, proxy } = await throughProxy(server())
    await one.flush()
    proxy.stall()
    await one.publish('t', 1)
    await one.close()

    expect(one.ledger().transport).toMatchObject({ sent: 1, unknown: 1, waiting: 0 })
  })

  it('N10: a message larger than the server takes is refused, also before it could know', async () => {
    const one = await broker(server(), { whileDisconnected: { buffer: {} } })
    const large = new Uint8Array(4097)
    const headers = { a: 'x'.repeat(4000) }

    expect(await rejection(one.publish('t', large))).toMatchObject({ limit: 4096, topic: 't' })
    expect(await rejection(one.publish('t', 'x'.repeat(100), { headers }))).toBeInstanceOf(
      MessageTooLargeError,
    )
    await down(one)
    expect(await rejection(one.publish('t', large))).toBeInstanceOf(MessageTooLargeError)
    expect(one.ledger().published).toBe(0)
    await up(one)
  })

  it('survives a server that is killed three times, and accounts for every message', async () => {
    const heard = new Heard()
    const one = await broker(server(), { observer: heard.observer })
    const got = new Set<unknown>()
    one.subscribe('t', (message: Message) => void got.add(message.payload), { capacity: 100_000 })
    await one.flush()
    const accepted: number[] = []
    let [next, refused] = [0, 0]
    const done = new AbortController()
    const publishing = (async () => {
      while (!done.signal.aborted) {
        for (let i = 0; i < 50; i++) {
          const n = next++
          await one.publish('t', n).then(
            () => accepted.push(n),
            () => refused++,
          )
        }
        await new Promise(setImmediate)
      }
    })()
    for (const round of range(0, 3)) {
      const target = accepted.length + 500
      await eventually(() => accepted.length >= target)
      await down(one)
      await eventually(() => refused > round)
      assertBalanced(one.ledger())
      await up(one)
    }
    done.abort()
    await publishing
    await one.flush()

    const { confirmed, unknown } = one.ledger().transport
    const missing = accepted.filter((n) => !got.has(n)).length
    expect(confirmed + unknown).toBe(one.ledger().published)
    expect(missing).toBeLessThanOrEqual(unknown)
    expect(one.health()).toMatchObject({ state: 'connected', reconnects: 3 })
    expect(heard.states).toEqual([...Array(3)].flatMap(() => ['disconnected', 'connected']))
  })

  it('ends everything when the owner closes the connection, after what is pending has been read', async () => {
    const heard = new Heard()
    const link = await connection(server())
    const one = await broker(server(), { connection: link, observer: heard.observer })
    const subscription = one.subscribe('t')
    const unread = one.subscribe('t', { group: 'g' })
    await one.publish('t', 1)
    await eventually(() => subscription.pending === 1 && unread.pending === 1)

    await link.close()

    const got: unknown[] = []
    for await (const { payload } of subscription) got.push(payload)
    expect(got).toEqual([1])
    expect(heard.states).toEqual(['closed'])
    expect(await rejection(one.publish('t', 2))).toBeInstanceOf(DisconnectedError)
    expect(() => one.subscribe('t')).toThrow(BrokerClosedError)
    expect(await one.drain({ timeoutMs: 50 })).toMatchObject({ complete: false, dropped: 1 })
  })
})

function abortable(): { signal: AbortSignal; abort: (reason: unknown) => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) }
}
