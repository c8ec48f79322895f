import { describe, expect, it } from 'vitest'
import { FaultProxy } from '../../../src/conformance/index.ts'
import { assertBalanced, GroupConflictError } from '../../../src/index.ts'
import type { JetStreamBroker, JetStreamDelivery } from '../../../src/nats/index.ts'
import { eventually } from '../../support/eventually.ts'
import { undo } from '../../support/undo.ts'
import { range, rejection } from '../../support/watch.ts'
import { broker, connection, Heard, manager, payloads, streamServer, take, world } from './world.ts'

const server = streamServer()

async function publish(made: JetStreamBroker, topic: string, from: number, to: number): Promise<void> {
  await Promise.all(range(from, to).map((n) => made.publish(topic, n)))
}

const ackAll = (deliveries: readonly JetStreamDelivery[]): Promise<boolean[]> =>
  Promise.all(deliveries.map((delivery) => delivery.ack()))

describe('the settings of a group', () => {
  it('belong to it: members may leave them out, and not ask for others', async () => {
    const { broker: made, name, prefix, streams } = await world(server())
    const member = made.subscribe(`${prefix}.a`, { group: 'g', ackDeadlineMs: 5000, maxInFlight: 7 })
    expect(() => made.subscribe(`${prefix}.a`, { group: 'g', ackDeadlineMs: 6000 })).toThrow(
      GroupConflictError,
    )
    await made.publish(`${prefix}.a`, 1) // waits for the consumer
    const other = await broker(server(), { streams })
    other.subscribe(`${prefix}.a`, { group: 'g' })
    await other.publish(`${prefix}.a`, 2)
    const { consumers } = await manager(server())
    const [info] = await consumers.list(name).next()
    expect(info?.config).toMatchObject({
      ack_wait: 5000e6,
      max_ack_pending: 7,
      description: expect.any(String),
    })
    member.close()
    made.subscribe(`${prefix}.a`, { group: 'g', ackDeadlineMs: 6000 }) // nobody here contradicts
    await made.publish(`${prefix}.a`, 3)
    const [changed] = await consumers.list(name).next()
    expect(changed?.config).toMatchObject({ ack_wait: 6000e6, max_ack_pending: 7 })
  })

  it('bound how many deliveries of the group are unsettled, over all members', async () => {
    const { broker: made, prefix } = await world(server())
    await publish(made, `${prefix}.a`, 0, 20)
    const options = { group: 'g', from: 'start', maxInFlight: 5 } as const
    const [one, two] = [made.subscribe(`${prefix}.a`, options), made.subscribe(`${prefix}.a`, options)]
    const got = [...(await take(one, 3)), ...(await take(two, 2))]
    const next = one.next()
    expect(made.ledger().groups).toMatchObject([{ inFlight: 5 }])
    expect(await made.groups()).toMatchObject([{ inFlight: 5, lagMessages: 20, members: 2 }])
    await got[0]?.ack()
    expect((await next).value).toMatchObject({ payload: 5 })
  })

  it('have names of any kind', async () => {
    const { broker: made, prefix } = await world(server())
    const names = ['a.b', 'a b', 'a_b', '*', 'ü'.repeat(300), 'a'.repeat(300), `${'a'.repeat(300)}b`]
    await publish(made, `${prefix}.a`, 0, 1)
    for (const group of names)
      expect(payloads(await take(made.subscribe(`${prefix}.a`, { group, from: 'start' }), 1))).toEqual([0])
    expect((await made.groups()).map(({ name }) => name).toSorted()).toEqual(names.toSorted())
  })

  it.each([
    { group: '' },
    { group: 'g', ackDeadlineMs: 0 },
    { group: 'g', ackDeadlineMs: Number.POSITIVE_INFINITY },
    { group: 'g', maxInFlight: 0 },
    { group: 'g', prefetch: -1 },
    { group: 'g', orderingKey: 'key' },
    { group: 'g', overflow: 'block' },
    { group: 'g', capacity: 10 },
  ])('that cannot be meant are refused: %o', async (options) => {
    const { broker: made, prefix } = await world(server())
    expect(() => made.subscribe(`${prefix}.a`, options as never)).toThrow(
      expect.objectContaining({ code: 'SPW_INVALID_OPTION' }),
    )
    expect(made.ledger().groups).toEqual([])
  })
})

describe('moving and removing groups', () => {
  it('moves a group, and its members everywhere with it', async () => {
    const { broker: one, prefix, streams } = await world(server())
    const two = await broker(server(), { streams })
    await publish(one, `${prefix}.a`, 0, 10)
    const options = { group: 'g', from: 'start' } as const
    const [here, there] = [one.subscribe(`${prefix}.a`, options), two.subscribe(`${prefix}.a`, options)]
    const [held] = await take(here, 1)
    await ackAll(await take(there, 9))
    const waiting = there.next()

    await one.seekGroup('g', `${prefix}.a`, 8)

    expect(await held?.ack()).toBe(false)
    const got = [(await waiting).value, ...(await take(here, 1))]
    expect(
      payloads(got as JetStreamDelivery[])
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual([8, 9])
    for (const [position, next] of [
      ['start', 0],
      [-2, 8],
      [new Date(0), 0],
    ] as const) {
      await one.seekGroup('g', `${prefix}.a`, position)
      expect(payloads(await take(here, 1))).toEqual([next])
    }
    await one.seekGroup('g', `${prefix}.a`, 'end')
    await one.publish(`${prefix}.a`, 10)
    expect(payloads(await take(here, 1))).toEqual([10])
    assertBalanced(one.ledger())
    assertBalanced(two.ledger())
  })

  it('moves it also when the connection is lost in the middle of it', async () => {
    const proxy = await FaultProxy.listen({ port: server().port })
    undo.push(() => proxy.close())
    const link = await connection(server(), { servers: `127.0.0.1:${proxy.port}`, pingInterval: 60_000 })
    const { broker: made, name, prefix } = await world(server(), {}, { connection: link })
    await publish(made, `${prefix}.a`, 0, 3)
    const member = made.subscribe(`${prefix}.a`, { group: 'g', from: 'start' })
    await ackAll(await take(member, 3))
    member.close()
    const watcher = await connection(server())
    watcher.subscribe(`$JS.EVENT.ADVISORY.CONSUMER.DELETED.${name}.>`, {
      max: 1,
      callback: () => proxy.cut(),
    })
    await watcher.flush()

    proxy.delay(100) // so that the answer is still under way when it is cut
    const moved = made.seekGroup('g', `${prefix}.a`, 'start')
    await eventually(() => made.health().state === 'disconnected')
    proxy.heal()
    await moved

    expect(await made.groups()).toMatchObject([{ name: 'g', lagMessages: 3 }])
  })

  it('refuses a place that is not there, and leaves the group where it is', async () => {
    const { broker: made, prefix } = await world(server(), { maxMessages: 10 })
    await publish(made, `${prefix}.a`, 0, 30)
    const member = made.subscribe(`${prefix}.a`, { group: 'g', from: 'start' })
    await ackAll(await take(member, 3))
    const seek = (position: number): Promise<unknown> =>
      rejection(made.seekGroup('g', `${prefix}.a`, position))
    expect(await seek(5)).toMatchObject({ code: 'SPW_OFFSET_EVICTED', requested: 5, first: 20, next: 30 })
    expect(await seek(31)).toMatchObject({ code: 'SPW_OFFSET_OUT_OF_RANGE', requested: 31 })
    expect(await rejection(made.seekGroup('other', `${prefix}.a`, 'end'))).toMatchObject({ option: 'group' })
    expect(payloads(await take(member, 1))).toEqual([23])
  })

  it('that is founded at a place that is not there ends its loop, and is not founded', async () => {
    const { broker: made, prefix } = await world(server(), { maxMessages: 10 })
    await publish(made, `${prefix}.a`, 0, 30)
    const error = await rejection(made.subscribe(`${prefix}.a`, { group: 'g', from: 5 }).next())
    expect(error).toMatchObject({ code: 'SPW_OFFSET_EVICTED', requested: 5, first: 20, next: 30 })
    expect(await made.groups()).toEqual([])
  })

  it('tells a group what retention has removed before it had it', async () => {
    const heard = new Heard()
    const { broker: made, prefix } = await world(server(), { maxMessages: 10 }, { observer: heard.observer })
    await publish(made, `${prefix}.a`, 0, 5)
    const member = made.subscribe(`${prefix}.>`, { group: 'g', from: 'start' })
    await ackAll(await take(member, 2))
    member.close()
    await publish(made, `${prefix}.a`, 5, 30)

    const again = made.subscribe(`${prefix}.>`, { group: 'g' })

    expect(payloads(await take(again, 1))).toEqual([20])
    await made.flush()
    expect(heard.warning).toMatchObject([
      { code: 'group-overtaken', text: expect.stringContaining('18 messages') },
    ])
  })

  it('forgets a group without members; members elsewhere are told', async () => {
    const heard = new Heard()
    const { broker: one, prefix, streams } = await world(server())
    const two = await broker(server(), { streams, observer: heard.observer })
    const member = one.subscribe(`${prefix}.a`, { group: 'g', from: 'start' })
    const elsewhere = two.subscribe(`${prefix}.a`, { group: 'g', from: 'start' })
    await publish(one, `${prefix}.a`, 0, 1)
    await ackAll(await take(member, 1))
    await expect(one.removeGroup('g', `${prefix}.a`)).rejects.toThrow('members')
    member.close()
    const told = rejection(elsewhere.next())
    await two.publish(`${prefix}.b`, 1) // its consumer is there, and it waits

    await one.removeGroup('g', `${prefix}.a`)

    expect(await told).toMatchObject({ code: 'SPW_CONSUMER_LOST' })
    expect(heard.warning.map(({ code }) => code)).toEqual(['consumer-deleted'])
    expect(await one.groups()).toEqual([])
    expect(await rejection(one.removeGroup('g', `${prefix}.a`))).toMatchObject({ option: 'group' })
  })
})
