import { describe, expect, it } from 'vitest'
import { assertBalanced, OffsetEvictedError, OffsetOutOfRangeError } from '../../../src/index.ts'
import type { JetStreamBroker } from '../../../src/nats/index.ts'
import { eventually } from '../../support/eventually.ts'
import { range, rejection } from '../../support/watch.ts'
import { broker, Heard, manager, payloads, streamServer, take, world } from './world.ts'

const server = streamServer()

async function publish(made: JetStreamBroker, topic: string, from: number, to: number): Promise<void> {
  await Promise.all(range(from, to).map((n) => made.publish(topic, n)))
}

describe('a reader of a stream', () => {
  it('gets what is published after it was made, by the same broker even at once', async () => {
    const { broker: made, prefix } = await world(server())
    await publish(made, `${prefix}.a`, 0, 5)

    const reader = made.subscribe(`${prefix}.a`)
    await publish(made, `${prefix}.a`, 5, 10)

    expect(payloads(await take(reader, 5))).toEqual(range(5, 10))
    expect(reader.poll()).toBeUndefined()
  })

  it('gets the past and then the present, without a gap or a repetition at the seam', async () => {
    const { broker: made, prefix } = await world(server())
    await publish(made, `${prefix}.a`, 0, 500)
    const publishing = (async () => {
      for (const n of range(500, 1500)) await made.publish(`${prefix}.a`, n)
    })()

    const got = await take(made.subscribe(`${prefix}.a`, { from: 'start', capacity: 64 }), 1500)
    await publishing

    expect(payloads(got)).toEqual(range(0, 1500))
    expect(got.map(({ offset }) => offset)).toEqual(range(0, 1500))
  })

  it('begins at an offset, a time, or so many before the end', async () => {
    const { broker: made, prefix } = await world(server())
    const topic = `${prefix}.a`
    await publish(made, topic, 0, 10)
    const since = new Date((await take(made.subscribe(topic, { from: 9 }), 1))[0]?.time ?? 0)
    await eventually(() => Date.now() > since.getTime() + 1)
    const between = new Date()
    await publish(made, topic, 10, 20)

    const first = async (from: number | Date | 'start' | 'end'): Promise<unknown> =>
      payloads(await take(made.subscribe(topic, { from }), 1))[0]

    expect(await first(0)).toBe(0)
    expect(await first(7)).toBe(7)
    expect(await first(-3)).toBe(17)
    expect(await first(-300)).toBe(0)
    expect(await first(between)).toBe(10)
    const [next, end, never] = [
      made.subscribe(topic, { from: 20 }),
      made.subscribe(topic, { from: 'end' }),
      made.subscribe(topic, { from: -0 }),
    ]
    await made.publish(topic, 20)
    for (const reader of [next, end, never]) expect(payloads(await take(reader, 1))).toEqual([20])
  })

  it('counts the last messages of its own topic among those of others', async () => {
    const { broker: made, prefix } = await world(server())
    for (const n of range(0, 40)) await made.publish(`${prefix}.${n % 4 === 0 ? 'a' : 'b'}`, n)
    const got = await take(made.subscribe(`${prefix}.a`, { from: -3 }), 3)
    expect(payloads(got)).toEqual([28, 32, 36])
  })

  it('whose first message is removed is told so: the server would begin elsewhere without a word', async () => {
    const { broker: made, prefix } = await world(server(), { maxMessages: 10 })
    const topic = `${prefix}.a`
    await publish(made, topic, 0, 100)

    const error = await rejection(made.subscribe(topic, { from: 4 }).next())

    expect(error).toBeInstanceOf(OffsetEvictedError)
    expect(error).toMatchObject({ topic, requested: 4, first: 90, next: 100 })
    expect(payloads(await take(made.subscribe(topic, { from: 90 }), 1))).toEqual([90])
    expect(payloads(await take(made.subscribe(topic, { from: 'start' }), 1))).toEqual([90])
  })

  it('whose first message lies in the future is told so', async () => {
    const { broker: made, prefix } = await world(server())
    await publish(made, `${prefix}.a`, 0, 3)
    const error = await rejection(made.subscribe(`${prefix}.a`, { from: 5 }).next())
    expect(error).toBeInstanceOf(OffsetOutOfRangeError)
    expect(error).toMatchObject({ requested: 5, first: 0, next: 3 })
  })

  it('that falls behind what is kept ends with the same error, after what it had', async () => {
    const { broker: made, prefix } = await world(server(), { maxMessages: 20 })
    const topic = `${prefix}.a`
    await publish(made, topic, 0, 20)
    const reader = made.subscribe(topic, { from: 'start', capacity: 4 })
    await eventually(() => reader.pending === 20)
    expect(payloads(await take(reader, 1))).toEqual([0])
    await publish(made, topic, 20, 200)

    const got: unknown[] = []
    const error = await rejection(
      (async () => {
        for await (const message of reader) got.push(message.payload)
      })(),
    )

    expect(error).toBeInstanceOf(OffsetEvictedError)
    expect(got).toEqual(range(1, got.length + 1))
    expect(error).toMatchObject({ requested: got.length + 1, first: 180, next: 200 })
    expect(reader.closed).toBe(true)
  })

  it('of some topics of a stream does not take the gaps between them for losses', async () => {
    const { broker: made, prefix } = await world(server(), { maxMessages: 50 })
    const reader = made.subscribe(`${prefix}.rare`)
    const got: unknown[] = []
    const reading = (async () => {
      for await (const message of reader) if (got.push(message.payload) === 10) break
    })()
    for (const n of range(0, 10)) {
      await publish(made, `${prefix}.often`, 0, 100)
      await made.publish(`${prefix}.rare`, n)
      await eventually(() => got.length > n)
    }
    await reading
    expect(got).toEqual(range(0, 10))
  })

  it('goes on where it was when the server has been killed, three times', async () => {
    const { broker: made, prefix } = await world(server())
    const reader = made.subscribe(`${prefix}.a`)
    const got: unknown[] = []
    const reading = (async () => {
      for await (const message of reader) if (got.push(message.payload) === 900) break
    })()
    for (const round of range(0, 3)) {
      await publish(made, `${prefix}.a`, round * 300, round * 300 + 150)
      await server().kill()
      const published = publish(made, `${prefix}.a`, round * 300 + 150, round * 300 + 300)
      await server().start()
      await published
    }
    await reading
    expect(got).toEqual(range(0, 900))
    expect(made.ledger().ended).toMatchObject({ delivered: 900 })
  })

  it('goes on with a new consumer, and says so, when the server has deleted its own', async () => {
    const heard = new Heard()
    const { broker: made, name, prefix } = await world(server(), {}, { observer: heard.observer })
    const reader = made.subscribe(`${prefix}.a`)
    await publish(made, `${prefix}.a`, 0, 10)
    await take(reader, 10)
    const { consumers } = await manager(server())
    const [only] = await consumers.list(name).next()
    await consumers.delete(name, only?.name ?? '')

    await publish(made, `${prefix}.a`, 10, 20)

    expect(payloads(await take(reader, 10))).toEqual(range(10, 20))
    expect(heard.warning.map(({ code }) => code)).toEqual(['consumer-deleted'])
  })

  it('reads several streams at once, each in its order', async () => {
    const [one, two] = [await world(server()), await world(server())]
    const made = await broker(server(), { streams: [...one.streams, ...two.streams] })
    await publish(made, `${one.prefix}.a`, 0, 50)
    await publish(made, `${two.prefix}.a`, 100, 150)
    await publish(made, `${two.prefix}.b`, 0, 50)

    const got = await take(made.subscribe('*.a', { from: 'start' }), 100)

    const of = (prefix: string): unknown[] => payloads(got.filter(({ topic }) => topic === `${prefix}.a`))
    expect(of(one.prefix)).toEqual(range(0, 50))
    expect(of(two.prefix)).toEqual(range(100, 150))
    expect(() => made.subscribe('*.a', { from: -3 })).toThrow('several consumers')
  })

  it('reads a pattern that lies across the topics of its stream', async () => {
    const { prefix } = await world(server())
    const topics = [`x${prefix}.*`, `y${prefix}.*`]
    const { broker: made } = await world(server(), { topics })
    for (const topic of ['x', 'y'])
      for (const kind of ['paid', 'sent']) await made.publish(`${topic}${prefix}.${kind}`, topic + kind)
    const got = await take(made.subscribe('*.paid', { from: 'start' }), 2)
    expect(new Set(payloads(got))).toEqual(new Set(['xpaid', 'ypaid']))
  })

  it('with a handler is given everything in order, and ends with its signal', async () => {
    const { broker: made, prefix } = await world(server())
    const got: unknown[] = []
    const abort = new AbortController()
    const subscription = made.subscribe(`${prefix}.>`, ({ payload }) => void got.push(payload), {
      from: 'start',
      signal: abort.signal,
    })
    await publish(made, `${prefix}.a`, 0, 100)
    await eventually(() => got.length === 100)
    expect(got).toEqual(range(0, 100))
    abort.abort()
    expect(subscription.closed).toBe(true)
  })

  it('that drains reads up to the end that there was, and no further', async () => {
    const { broker: made, prefix, streams } = await world(server())
    await publish(made, `${prefix}.a`, 0, 300)
    const reader = made.subscribe(`${prefix}.a`, { from: 'start', capacity: 10 })
    await take(reader, 1)
    const other = await broker(server(), { streams })
    const drained = reader.drain()
    const got: unknown[] = []
    const reading = (async () => {
      for await (const message of reader) {
        got.push(message.payload)
        await other.publish(`${prefix}.a`, 'late')
      }
    })()
    await drained
    await reading
    expect(got.slice(0, 299)).toEqual(range(1, 300))
    expect(got.length).toBeLessThan(310) // what came before the server was asked for the end
    expect(reader.poll()).toBeUndefined()
    assertBalanced(made.ledger())
  })

  it('refuses options of mailboxes: nothing overflows', async () => {
    const { broker: made, prefix } = await world(server())
    const refused = [
      { overflow: 'block' },
      { capacityBytes: 1, sizeOf: () => 1 },
      { onDrop: () => undefined },
    ] as const
    for (const options of refused)
      expect(() => made.subscribe(`${prefix}.a`, options)).toThrow('nothing overflows')
  })
})
