import { describe, expect, it } from 'vitest'
import { assertBalanced } from '../../../src/index.ts'
import { ConsumerLostError, type JetStreamBroker } from '../../../src/nats/index.ts'
import { eventually } from '../../support/eventually.ts'
import { Gate, range, rejection, watch } from '../../support/watch.ts'
import { broker, connection, Heard, payloads, streamServer, take, world } from './world.ts'

const server = streamServer()

async function publish(made: JetStreamBroker, topic: string, from: number, to: number): Promise<void> {
  await Promise.all(range(from, to).map((n) => made.publish(topic, n)))
}

describe('the end of a broker on JetStream', () => {
  it('a drain waits for handlers and for what they settle, and gives back what nobody has begun (N5)', async () => {
    const link = await connection(server())
    const { broker: made, prefix, streams } = await world(server(), {}, { connection: link })
    await publish(made, `${prefix}.a`, 0, 10)
    const gate = new Gate()
    const handled: unknown[] = []
    const handler = async ({ payload }: { readonly payload: unknown }): Promise<void> => {
      await gate.opened
      handled.push(payload)
    }
    const options = { group: 'g', from: 'start', concurrency: 2, prefetch: 8 } as const
    const member = made.subscribe(`${prefix}.a`, handler, options)
    await eventually(() => member.pending === 6) // less than half of what it may have are missing

    const drained = watch(made.drain())
    const other = await broker(server(), { streams })
    const rest = await take(other.subscribe(`${prefix}.a`, { group: 'g' }), 8)
    expect(drained.state).toBe('pending')
    gate.open()
    await eventually(() => drained.state !== 'pending')

    expect(drained.value).toMatchObject({ complete: true })
    expect(handled).toEqual([0, 1])
    expect(new Set(payloads(rest))).toEqual(new Set(range(2, 10)))
    expect(made.ledger().groups).toMatchObject([{ delivered: 2, acked: 2, returned: 0, inFlight: 0 }])
    expect(await other.groups()).toMatchObject([{ lagMessages: 8, inFlight: 8 }])
    expect(link.isClosed()).toBe(false)
  })

  it('a drain gives up at its deadline, and what is in hand goes to others (N4)', async () => {
    const { broker: made, prefix, streams } = await world(server())
    await publish(made, `${prefix}.a`, 0, 3)
    const held = await take(made.subscribe(`${prefix}.a`, { group: 'g', from: 'start' }), 3)

    const report = await made.drain({ timeoutMs: 100 })

    expect(report.complete).toBe(false)
    expect(await Promise.all(held.map((delivery) => delivery.ack()))).toEqual([false, false, false])
    expect(made.ledger().groups).toMatchObject([{ delivered: 3, returned: 3, inFlight: 0 }])
    const other = await broker(server(), { streams })
    const got = await take(other.subscribe(`${prefix}.a`, { group: 'g' }), 3)
    expect(got.map(({ attempt }) => attempt)).toEqual([2, 2, 2])
  })

  it('neither waits for a server that answers nothing longer than it must (N4)', async () => {
    const [one, two] = [await world(server()), await world(server())]
    for (const { broker: made, prefix } of [one, two]) {
      await made.publish(`${prefix}.a`, 1)
      await take(made.subscribe(`${prefix}.a`, { group: 'g', from: 'start' }), 1)
      made.subscribe(`${prefix}.a`)
      await made.flush()
    }
    await server().freeze()
    const published = [one, two].map(({ broker: made, prefix }) => watch(made.publish(`${prefix}.a`, 2)))
    const since = performance.now()

    await Promise.all([one.broker.drain({ timeoutMs: 200 }), two.broker.close()])

    expect(performance.now() - since).toBeLessThan(4000)
    expect(published.map(({ state }) => state)).toEqual(['rejected', 'rejected'])
    for (const { broker: made } of [one, two]) {
      assertBalanced(made.ledger())
      expect(made.ledger().transport).toMatchObject({ confirmed: 1, unknown: 1, waiting: 0 })
    }
  })

  it('is one end, however often it is asked for, and leaves nothing behind', async () => {
    const link = await connection(server())
    const { broker: made, prefix } = await world(server(), {}, { connection: link })
    const subscribed = made.subscribe(`${prefix}.a`)
    made.subscribe(`${prefix}.a`, { group: 'g' })
    await made.publish(`${prefix}.a`, 1)
    await Promise.all([made.close(), made.close(), made.drain(), made[Symbol.asyncDispose]()])
    expect(subscribed.closed).toBe(true)
    expect(() => made.subscribe(`${prefix}.a`)).toThrow('closed')
    expect(made.health().state).toBe('closed')
    const { protocol } = link as unknown as {
      protocol: { subscriptions: { subs: Map<number, unknown> } }
    }
    expect(protocol.subscriptions.subs.size).toBe(1) // that of the client's own requests
  })

  it('comes to its subscriptions when its connection ends, after what has arrived: nobody waits for ever', async () => {
    const link = await connection(server())
    const { broker: made, prefix } = await world(server(), {}, { connection: link })
    await publish(made, `${prefix}.a`, 0, 3)
    const heard = new Heard()
    made.observe(heard.observer)
    const late = made.subscribe(`${prefix}.a`, { from: 'start' })
    const waiting = watch(made.subscribe(`${prefix}.a`).next())
    const member = made.subscribe(`${prefix}.a`, { group: 'g', from: 'start' })
    const [held] = await take(member, 1)
    const idle = watch(made.subscribe(`${prefix}.a`, { group: 'h' }).next())
    made.subscribe(`${prefix}.a`, () => undefined)
    made.subscribe(`${prefix}.a`, () => undefined, { group: 'h' })
    await made.flush()
    expect(payloads(await take(late, 1))).toEqual([0])
    await eventually(() => late.pending === 2)

    await link.close()

    await eventually(() => waiting.state === 'rejected' && idle.state === 'rejected')
    expect(waiting.error).toBeInstanceOf(ConsumerLostError)
    expect(idle.error).toBeInstanceOf(ConsumerLostError)
    expect(await rejection(member.next())).toBeInstanceOf(ConsumerLostError)
    expect(await held?.ack()).toBe(false)
    expect(payloads(await take(late, 2))).toEqual([1, 2])
    expect(await rejection(late.next())).toBeInstanceOf(ConsumerLostError)
    await eventually(() => heard.closed.length === 6)
    expect(await made.drain()).toMatchObject({ complete: true })
  })
})
