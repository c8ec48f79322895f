import { describe, expect, it } from 'vitest'
import { assertBalanced } from '../../../src/index.ts'
import type { JetStreamBroker, JetStreamDelivery } from '../../../src/nats/index.ts'
import { eventually } from '../../support/eventually.ts'
import { range, watch } from '../../support/watch.ts'
import { broker, connection, Heard, manager, payloads, streamServer, take, world, written } from './world.ts'

const server = streamServer()

async function publish(made: JetStreamBroker, topic: string, from: number, to: number): Promise<void> {
  await Promise.all(range(from, to).map((n) => made.publish(topic, n)))
}

const ackAll = (deliveries: readonly JetStreamDelivery[]): Promise<boolean[]> =>
  Promise.all(deliveries.map((delivery) => delivery.ack()))

describe('a group on JetStream', () => {
  it('goes on after what was acked, in another broker and after the server was killed', async () => {
    const { broker: first, name, prefix, streams } = await world(server())
    await publish(first, `${prefix}.a`, 0, 10)
    const got = await take(first.subscribe(`${prefix}.a`, { group: 'g', from: 'start' }), 6)
    expect(payloads(got)).toEqual(range(0, 6))
    expect(await ackAll(got)).toEqual(got.map(() => true))
    expect(await got[0]?.ack()).toBe(false)
    await first.close()
    await written(server(), name, Date.now())
    await server().kill()
    await server().start()

    const second = await broker(server(), { streams })
    const again = second.subscribe(`${prefix}.a`, { group: 'g', from: 'start' })
    expect(payloads(await take(again, 4))).toEqual(range(6, 10))
  })

  it('begins with what is published after it was founded, by the same broker even at once', async () => {
    const { broker: made, prefix } = await world(server())
    await publish(made, `${prefix}.a`, 0, 5)
    const member = made.subscribe(`${prefix}.a`, { group: 'g' })
    await publish(made, `${prefix}.a`, 5, 8)
    expect(payloads(await take(member, 3))).toEqual([5, 6, 7])
  })

  it('gives each message to exactly one member, while members join and leave', async () => {
    const { broker: one, prefix, streams } = await world(server())
    const two = await broker(server(), { streams })
    const handled: unknown[] = []
    const note = async ({ payload }: { readonly payload: unknown }): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve))
      handled.push(payload)
    }
    const join = (made: JetStreamBroker): ReturnType<JetStreamBroker['subscribe']> =>
      made.subscribe(`${prefix}.a`, note, { group: 'g', from: 'start', concurrency: 8, prefetch: 16 })
    const members = [join(one), join(two)]
    for (const round of range(0, 10)) {
      await publish(one, `${prefix}.a`, round * 100, round * 100 + 100)
      await members.shift()?.drain()
      members.push(join(round % 2 === 0 ? one : two))
    }
    await eventually(() => handled.length >= 1000)
    await Promise.all(members.map((member) => member.drain()))

    expect(handled.toSorted((a, b) => Number(a) - Number(b))).toEqual(range(0, 1000))
    for (const made of [one, two]) assertBalanced(made.ledger())
    const acked = [one, two].map((made) => made.ledger().groups[0]?.acked ?? 0)
    expect(acked[0]! + acked[1]!).toBe(1000) // both have the group
    expect(Math.min(...acked)).toBeGreaterThan(0)
  })

  it('gives what a member leaves behind to the others at once', async () => {
    const { broker: made, prefix } = await world(server())
    await publish(made, `${prefix}.a`, 0, 4)
    const options = { group: 'g', from: 'start', prefetch: 4 } as const
    const leaver = made.subscribe(`${prefix}.a`, options)
    const [held] = await take(leaver, 1)
    await eventually(() => leaver.pending === 3)
    leaver.close()

    const got = await take(made.subscribe(`${prefix}.a`, options), 4)

    expect(new Set(payloads(got))).toEqual(new Set(range(0, 4)))
    expect(await held?.ack()).toBe(false)
    expect(got.find(({ payload }) => payload === 0)?.attempt).toBe(2)
    expect(made.ledger().groups).toMatchObject([{ delivered: 5, returned: 1, inFlight: 4 }])
  })

  it('delivers again what was not handled, not before its delay, and counts the attempts', async () => {
    const { broker: made, prefix } = await world(server())
    const member = made.subscribe(`${prefix}.a`, { group: 'g', from: 'start' })
    await publish(made, `${prefix}.a`, 0, 1)
    const [first] = await take(member, 1)
    const since = performance.now()
    expect(await first?.nak({ delayMs: 300 })).toBe(true)
    const [second] = await take(member, 1)
    expect(performance.now() - since).toBeGreaterThan(295)
    expect(second).toMatchObject({ payload: 0, attempt: 2 })
    expect(await second?.nak()).toBe(true)
    const [third] = await take(member, 1)
    expect(third).toMatchObject({ attempt: 3 })
    expect(await third?.ack()).toBe(true)
    expect(made.ledger().groups).toMatchObject([{ delivered: 3, nacked: 2, acked: 1, inFlight: 0 }])
  })

  it('delivers again after the deadline; what comes later has no effect', async () => {
    const { broker: made, prefix } = await world(server())
    const member = made.subscribe(`${prefix}.a`, { group: 'g', from: 'start', ackDeadlineMs: 200 })
    await publish(made, `${prefix}.a`, 0, 1)
    const [late] = await take(member, 1)
    const [again] = await take(member, 1)
    expect(again).toMatchObject({ payload: 0, attempt: 2 })
    expect(await late?.ack()).toBe(false)
    expect(await late?.extend()).toBe(false)
    expect(await again?.ack()).toBe(true)
    expect(made.ledger().groups).toMatchObject([{ delivered: 2, expired: 1, acked: 1, inFlight: 0 }])
  })

  it('believes the server about what is too late, whatever it thinks itself', async () => {
    const { broker: made, prefix, streams } = await world(server())
    const member = made.subscribe(`${prefix}.a`, { group: 'g', from: 'start', ackDeadlineMs: 20_000 })
    await publish(made, `${prefix}.a`, 0, 1)
    const [late] = await take(member, 1)
    const other = await broker(server(), { streams })
    other.subscribe(`${prefix}.a`, { group: 'g', ackDeadlineMs: 200 }).close() // for all members, from now on
    const [again] = await take(member, 1)
    expect(again).toMatchObject({ payload: 0, attempt: 2 })
    expect(await late?.ack()).toBe(false)
    expect(made.ledger().groups).toMatchObject([{ delivered: 2, expired: 1, inFlight: 1 }])
  })

  it('does not deliver again while the deadline is begun anew, beyond the deadline of the group too', async () => {
    const { broker: made, prefix, streams } = await world(server())
    const options = { group: 'g', from: 'start', ackDeadlineMs: 200 } as const
    const member = made.subscribe(`${prefix}.a`, options)
    const other = (await broker(server(), { streams })).subscribe(`${prefix}.a`, options)
    await publish(made, `${prefix}.a`, 0, 1)
    const [held] = await take(member, 1)
    const since = performance.now()
    expect(await held?.extend(900)).toBe(true)
    const stolen = watch(other.next())
    await eventually(() => performance.now() - since > 700)
    expect(stolen.state).toBe('pending')
    expect(await held?.ack()).toBe(true)
    expect(made.ledger().groups).toMatchObject([{ delivered: 1, acked: 1, expired: 0 }])
  })

  it('never uses a word that a server may not know: a reason for giving up is not sent (N13)', async () => {
    const { broker: made, prefix } = await world(server())
    const said = new Set<string>()
    const listening = await connection(server())
    listening.subscribe('$JS.ACK.>', {
      callback: (_error, msg) => void said.add(msg.string().split(' ')[0] ?? ''),
    })
    await listening.flush()
    const member = made.subscribe(`${prefix}.a`, {
      group: 'g',
      from: 'start',
      ackDeadlineMs: 200,
      prefetch: 9,
    })
    await publish(made, `${prefix}.a`, 0, 4)
    const [one, two, three] = await take(member, 3)
    await one?.ack()
    await two?.nak({ delayMs: 10 })
    await three?.extend()
    member.close()
    await made.close()
    await listening.flush()
    expect([...said].toSorted()).toEqual(['+ACK', '+WPI', '-NAK'])
  })

  it('delivers a message that fails again and again, and never stops silently (N14)', async () => {
    const { broker: made, name, prefix } = await world(server())
    const member = made.subscribe(`${prefix}.a`, { group: 'g', from: 'start' })
    await publish(made, `${prefix}.a`, 0, 1)
    for (const n of range(1, 50)) {
      const [delivery] = await take(member, 1)
      expect(delivery?.attempt).toBe(n)
      await delivery?.nak()
    }
    const [info] = await (await manager(server())).consumers.list(name).next()
    expect(info?.config.max_deliver).toBe(-1)
    expect(info?.config.backoff).toBeUndefined()
  })

  it('confirms what was acked while the server was away (N15)', async () => {
    const { broker: made, name, prefix, streams } = await world(server())
    const member = made.subscribe(`${prefix}.a`, { group: 'g', from: 'start', prefetch: 10 })
    await publish(made, `${prefix}.a`, 0, 5)
    const got = await take(member, 5)
    await written(server(), name, Date.now()) // else it would not remember that it has delivered them
    await server().kill()
    await eventually(() => made.health().state === 'disconnected')
    const acked = ackAll(got)
    expect(made.ledger().groups).toMatchObject([{ acked: 0, inFlight: 5 }])
    await server().start()

    expect(await acked).toEqual(got.map(() => true))
    const other = await broker(server(), { streams })
    expect(await other.groups()).toMatchObject([{ lagMessages: 0, inFlight: 0 }])
  })

  it('says false when the server cannot be told in time', async () => {
    const { broker: made, prefix } = await world(server())
    const member = made.subscribe(`${prefix}.a`, { group: 'g', from: 'start', ackDeadlineMs: 300 })
    await publish(made, `${prefix}.a`, 0, 1)
    const [delivery] = await take(member, 1)
    await server().kill()
    await eventually(() => made.health().state === 'disconnected')
    expect(await delivery?.ack()).toBe(false)
    expect(made.ledger().groups).toMatchObject([{ expired: 1, inFlight: 0 }])
  })

  it('handles everything at least once when the server is killed three times', async () => {
    const { broker: made, prefix } = await world(server())
    const handled = new Map<unknown, number>()
    const handler = ({ payload }: { readonly payload: unknown }): void =>
      void handled.set(payload, (handled.get(payload) ?? 0) + 1)
    made.subscribe(`${prefix}.a`, handler, { group: 'g', from: 'start', concurrency: 4, ackDeadlineMs: 2000 })
    for (const round of range(0, 3)) {
      const published = publish(made, `${prefix}.a`, round * 200, round * 200 + 200)
      await eventually(() => handled.size > round * 200)
      await server().kill()
      await server().start()
      await published
      assertBalanced(made.ledger())
    }
    await eventually(() => handled.size === 600)
    await eventually(() => made.ledger().groups[0]?.inFlight === 0)
    expect(made.ledger().groups[0]?.acked).toBeGreaterThanOrEqual(600)
  })

  it('of a handler that fails gets the message again after a pause, and the failure is told', async () => {
    const heard = new Heard()
    const { broker: made, prefix } = await world(server(), {}, { observer: heard.observer })
    const attempts: number[] = []
    const handler = (delivery: JetStreamDelivery): void => {
      attempts.push(delivery.attempt)
      if (attempts.length === 1) throw new Error('not yet')
    }
    made.subscribe(`${prefix}.a`, handler, { group: 'g', from: 'start' })
    await publish(made, `${prefix}.a`, 0, 1)
    await eventually(() => made.ledger().groups[0]?.acked === 1)
    expect(attempts).toEqual([1, 2])
    expect(heard.handlerError).toHaveLength(1)
  })
})
