import { describe, expect, it } from 'vitest'
import type { KafkaBroker } from '../../src/kafka/index.ts'
import { eventually } from '../support/eventually.ts'
import { uniqueName } from '../support/servers/shared.ts'
import { undo } from '../support/undo.ts'
import { engines, makeBroker, newTopic, numbers, plainClient, publishAll } from './support.ts'

const [kafkajs] = engines

/** How many members a group has on the server, as kafkajs asks for it. */
async function membersOf(): Promise<(group: string) => Promise<number>> {
  const admin = (await plainClient(kafkajs)).admin()
  await admin.connect()
  undo.push(() => admin.disconnect())
  return async (group) => {
    const { groups } = await admin.describeGroups([group])
    return groups[0]?.members.length ?? 0
  }
}

describe.each(engines)('a group that leaves and is joined again at once, on $name', (engine) => {
  it.each([
    { by: 'the same broker', count: 1 },
    { by: 'another broker', count: 2 },
  ])('goes on behind what was acked, by $by', async ({ count }) => {
    const brokers: KafkaBroker[] = []
    while (brokers.length < count) brokers.push(await makeBroker(engine, { partitions: 2 }))
    const [topic, group] = [newTopic(), uniqueName('g')]
    const seen: unknown[] = []
    const each = 20
    for (const round of numbers(6)) {
      const broker = brokers[round % count] as KafkaBroker
      const batch = numbers(each).map((n) => round * each + n)
      await publishAll(broker, topic, batch, (n) => `k${(n as number) % 7}`)

      const handler = ({ payload }: { readonly payload: unknown }): unknown => seen.push(payload)
      const member = broker.subscribe(topic, handler, { group, from: 'start' })
      await eventually(() => new Set(seen).size === (round + 1) * each)
      await member.drain()
    }

    expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(6 * each))
  })

  it('leaves nobody behind, at whatever moment of its beginning it is closed', async () => {
    const members = await membersOf()
    const observer = await makeBroker(engine)
    const topic = newTopic()
    await observer.publish(topic, 'first')
    const groups = numbers(24).map(() => uniqueName('g'))
    for (const [index, group] of groups.entries()) {
      const broker = await makeBroker(engine)
      const subscription = broker.subscribe(topic, () => undefined, { group, from: 'start' })
      const since = performance.now()
      await eventually(() => performance.now() - since >= index * 4, { everyMs: 1 })
      subscription.close()
      await broker.close()
    }

    const left: number[] = []
    for (const group of groups) left.push(await members(group))
    expect(left).toEqual(groups.map(() => 0))
  })
})
