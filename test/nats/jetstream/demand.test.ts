import { describe, expect, it } from 'vitest'
import type { JetStreamBroker, JetStreamDelivery } from '../../../src/nats/index.ts'
import { eventually } from '../../support/eventually.ts'
import { Gate, range } from '../../support/watch.ts'
import { manager, payloads, streamServer, world } from './world.ts'

const server = streamServer()

async function publish(made: JetStreamBroker, topic: string, from: number, to: number): Promise<void> {
  await Promise.all(range(from, to).map((n) => made.publish(topic, n)))
}

const ackAll = (deliveries: readonly JetStreamDelivery[]): Promise<boolean[]> =>
  Promise.all(deliveries.map((delivery) => delivery.ack()))

describe('a member of a group on JetStream', () => {
  it('keeps messages that wait in a member from being delivered again, however long they wait (N12)', async () => {
    const { broker: made, prefix } = await world(server())
    const attempts: number[] = []
    const gates = range(0, 3).map(() => new Gate())
    const handler = async (delivery: JetStreamDelivery): Promise<void> => {
      attempts.push(delivery.attempt)
      await gates[attempts.length - 1]?.opened
    }
    made.subscribe(`${prefix}.a`, handler, {
      group: 'g',
      from: 'start',
      prefetch: 100,
      ackDeadlineMs: 300,
    })
    await publish(made, `${prefix}.a`, 0, 20)
    await eventually(() => attempts.length === 1)
    const since = performance.now()
    await eventually(() => performance.now() - since > 250)
    gates[0]?.open()
    await eventually(() => attempts.length === 2)
    await eventually(() => performance.now() - since > 500)
    gates[1]?.open()
    gates[2]?.open()
    await eventually(() => attempts.length === 20)
    expect(attempts).toEqual(range(0, 20).map(() => 1))
  })

  it('asks for one message per call of its handler, so that the others stay for other members (N12)', async () => {
    const { broker: made, name, prefix } = await world(server())
    await publish(made, `${prefix}.a`, 0, 20)
    const gate = new Gate()
    let calls = 0
    const handler = (): Promise<void> => {
      calls++
      return gate.opened
    }
    made.subscribe(`${prefix}.a`, handler, { group: 'g', from: 'start', concurrency: 3 })
    await eventually(() => calls === 3)
    const [info] = await (await manager(server())).consumers.list(name).next()
    expect(info).toMatchObject({ num_ack_pending: 3, num_pending: 17 })
    gate.open()
    await eventually(() => calls === 20)
  })

  it('asks for as many at once as a batch may hold', async () => {
    const { broker: made, name, prefix } = await world(server())
    await publish(made, `${prefix}.a`, 0, 100)
    const got: unknown[] = []
    for await (const batch of made
      .subscribe(`${prefix}.a`, { group: 'g', from: 'start' })
      .batches({ max: 25 })) {
      expect(batch.length).toBeLessThanOrEqual(25)
      got.push(...payloads(batch))
      await ackAll(batch)
      if (got.length === 100) break
    }
    expect(got).toEqual(range(0, 100))
    const [info] = await (await manager(server())).consumers.list(name).next()
    expect(info?.delivered.consumer_seq).toBe(100) // nothing was fetched and given back
  })

  it('has messages of one key in hand one after the other in a member, others beside them', async () => {
    const { broker: made, prefix } = await world(server())
    const open = new Map<string, number>()
    let [most, together] = [0, 0]
    const order = new Map<string, number[]>()
    const handler = async ({ payload }: { readonly payload: unknown }): Promise<void> => {
      const { key, n } = payload as { readonly key: string; readonly n: number }
      open.set(key, (open.get(key) ?? 0) + 1)
      most = Math.max(most, open.get(key) ?? 0)
      together = Math.max(together, [...open.values()].filter((count) => count > 0).length)
      order.set(key, [...(order.get(key) ?? []), n])
      await new Promise((resolve) => setImmediate(resolve))
      open.set(key, (open.get(key) ?? 0) - 1)
    }
    const orderingKey = ({ payload }: { readonly payload: unknown }): string =>
      (payload as { key: string }).key
    await Promise.all(range(0, 200).map((n) => made.publish(`${prefix}.a`, { key: `k${n % 5}`, n })))
    made.subscribe(`${prefix}.a`, handler, { group: 'g', from: 'start', concurrency: 8, orderingKey })
    await eventually(() => [...order.values()].flat().length === 200)
    expect(most).toBe(1)
    expect(together).toBeGreaterThan(1)
    for (const [key, ns] of order) expect(ns).toEqual(range(0, 200).filter((n) => `k${n % 5}` === key))
  })
})
