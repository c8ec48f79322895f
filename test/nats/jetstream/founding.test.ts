import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { JetStreamApi } from '../../../src/nats/jetstream/api.ts'
import { makeConsumer } from '../../../src/nats/jetstream/group-feed.ts'
import { Link } from '../../../src/nats/jetstream/link.ts'
import { Streams } from '../../../src/nats/jetstream/streams.ts'
import { undo } from '../../support/undo.ts'
import { broker, connection, payloads, streamServer, take, world } from './world.ts'

const server = streamServer()

describe('a group that several members found at the same moment', () => {
  it('begins where one of them asks for, and the others join it', async () => {
    const { broker: made, prefix, streams } = await world(server())
    const other = await broker(server(), { streams })
    for (const n of [0, 1, 2]) await made.publish(`${prefix}.a`, n)
    const asked = [{ from: 'start' }, { from: 1 }, { from: new Date(0) }, { from: -2 }] as const
    const members = [made, other].flatMap((one) =>
      asked.map(({ from }) => one.subscribe(`${prefix}.a`, { group: 'g', from })),
    )
    await Promise.all([made.flush(), other.flush()])

    const taken = Promise.race(members.map((member) => take(member, 1)))

    expect([0, 1]).toContain(payloads(await taken)[0])
    expect(await made.groups()).toMatchObject([{ name: 'g', members: 4 }])
    for (const member of members) expect(member.closed).toBe(false)
  })

  it('is not deleted by one that comes when it has gone on already', async () => {
    const { broker: made, name, prefix, streams } = await world(server())
    const link = new Link(await connection(server()), systemClock, () => undefined)
    undo.push(() => link.stop())
    const api = await JetStreamApi.open(link, undefined)
    const parts = { api, streams: await Streams.open(api, streams, 30_000) }
    for (const n of [0, 1]) await made.publish(`${prefix}.a`, n)
    const found = (): Promise<unknown> => {
      const settings = { ackDeadlineMs: undefined, maxInFlight: undefined }
      return makeConsumer(parts, { stream: name, filter: undefined }, 'g', own, settings, 0)
    }
    const own = { group: 'g', pattern: `${prefix}.a` }
    await found()
    const consumer = await api.manager.jetstream().consumers.get(name, 'g')
    const first = await consumer.next()

    await found()

    expect(await first?.ackAck()).toBe(true)
    expect(await api.consumer(name, 'g')).toMatchObject({ num_pending: 1 })
  })
})
