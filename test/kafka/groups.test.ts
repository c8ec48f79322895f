import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { uniqueName } from '../support/servers/shared.ts'
import {
  booksOf,
  engines,
  heard,
  makeBroker,
  newTopic,
  numbers,
  ownsPartitions,
  plainClient,
  publishAll,
} from './support.ts'

describe.each(engines)('groups with $name', (engine) => {
  it('deliver each message to one of the members of this process', async () => {
    const broker = await makeBroker(engine, { partitions: 2 })
    const [topic, group] = [newTopic(), uniqueName('g')]
    const seen: [unknown[], unknown[]] = [[], []]
    for (const mine of seen)
      broker.subscribe(topic, async ({ payload }) => void mine.push(payload), { group, from: 'start' })

    await publishAll(broker, topic, numbers(200))

    await eventually(() => booksOf(broker, group).acked === 200)
    expect(seen.flat().toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(200))
    for (const mine of seen) expect(mine.length).toBeGreaterThan(20)
  })

  it('that are new begin at the end, or where from says, and remember it from then on', async () => {
    const broker = await makeBroker(engine)
    const topic = newTopic()
    await publishAll(broker, topic, numbers(5))
    const places = { end: uniqueName('end'), start: uniqueName('start'), offset: uniqueName('offset') }
    const first = [
      broker.subscribe(topic, { group: places.end }),
      broker.subscribe(topic, { group: places.start, from: 'start' }),
      broker.subscribe(topic, { group: places.offset, from: 3 }),
    ]
    for (const group of Object.values(places)) await ownsPartitions(broker, group, 1)
    for (const subscription of first) subscription.close()
    await broker.close()

    const later = await makeBroker(engine)
    await publishAll(later, topic, [5])
    const next = Object.values(places).map(
      async (group) => (await later.subscribe(topic, { group }).next()).value,
    )
    const values = await Promise.all(next)

    expect(values.map((value) => value?.payload)).toEqual([5, 0, 3])
  })

  it('refuse an offset of a topic with several partitions, and end', async () => {
    const broker = await makeBroker(engine, { partitions: 2 })
    const topic = newTopic()
    await broker.publish(topic, 1)

    const reading = broker.subscribe(topic, { group: uniqueName('g'), from: 0 }).next()

    await expect(reading).rejects.toMatchObject({ code: 'SPW_PARTITIONED_TOPIC' })
  })

  it('take back what is not settled in time, and deliver it again', async () => {
    const broker = await makeBroker(engine)
    const [topic, group] = [newTopic(), uniqueName('g')]
    await publishAll(broker, topic, ['a'])
    const subscription = broker.subscribe(topic, { group, from: 'start', ackDeadlineMs: 200 })

    const first = (await subscription.next()).value
    const again = (await subscription.next()).value

    expect([first?.attempt, again?.attempt, again?.payload]).toEqual([1, 2, 'a'])
    expect(first?.ack()).toBe(false)
    expect(again?.extend(5000)).toBe(true)
    expect(again?.ack()).toBe(true)
    expect(booksOf(broker, group)).toMatchObject({ delivered: 2, acked: 1, expired: 1, inFlight: 0 })
  })

  it('follow patterns, with topics that are made while they read', async () => {
    const broker = await makeBroker(engine, { partitions: 2 })
    const elsewhere = await makeBroker(engine)
    const prefix = newTopic('pattern').replaceAll('-', '.')
    const group = uniqueName('g')
    const seen: unknown[] = []
    await elsewhere.publish(`${prefix}.one`, 1)
    broker.subscribe(`${prefix}.>`, ({ payload }) => void seen.push(payload), { group, from: 'start' })
    await eventually(() => seen.length === 1)

    await publishAll(elsewhere, `${prefix}.two.deep`, [2, 3])
    await publishAll(elsewhere, `${prefix}.one`, [4])

    await eventually(() => seen.length === 4)
    expect(new Set(seen)).toEqual(new Set([1, 2, 3, 4]))
    expect(booksOf(broker, group)).toMatchObject({ acked: 4, inFlight: 0 })
  })

  it('tell their lag in messages and seconds', async () => {
    const broker = await makeBroker(engine, { partitions: 2 })
    const [topic, group] = [newTopic(), uniqueName('g')]
    const before = Date.now()
    await publishAll(broker, topic, numbers(40))
    const subscription = broker.subscribe(topic, { group, from: 'start', maxInFlight: 10 })
    await ownsPartitions(broker, group, 2)
    for (let n = 0; n < 10; n++) (await subscription.next()).value?.ack()
    await eventually(() => Date.now() - before > 1500, { everyMs: 50 })

    const [status] = await broker.groups()
    const oldest = (Date.now() - before) / 1000

    expect(status).toMatchObject({ name: group, pattern: topic, lagMessages: 30, members: 1, partitions: 2 })
    expect(status?.lagSeconds).toBeGreaterThan(1)
    expect(status?.lagSeconds).toBeLessThanOrEqual(oldest)
  })

  it('that retention has overtaken say how many messages they have lost, and go on', async () => {
    const broker = await makeBroker(engine)
    const [topic, group] = [newTopic(), uniqueName('g')]
    await publishAll(broker, topic, numbers(10))
    const first = broker.subscribe(topic, { group, from: 2 })
    await ownsPartitions(broker, group, 1)
    first.close()
    await broker.close()
    const admin = (await plainClient(engine)).admin()
    await admin.connect()
    await admin.fetchTopicMetadata({ topics: [topic] })
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '7' }] })
    await admin.disconnect()

    const later = await makeBroker(engine)
    const warnings = heard(later, 'warning')
    const { value } = await later.subscribe(topic, { group }).next()

    expect(value?.payload).toBe(7)
    expect(warnings).toMatchObject([{ code: 'group-overtaken', subscription: { group } }])
    expect((await later.groups())[0]).toMatchObject({ lost: 5 })
  })

  it('can be moved, with members and without', async () => {
    const broker = await makeBroker(engine, { partitions: 2 })
    const [topic, group] = [newTopic(), uniqueName('g')]
    const seen: unknown[] = []
    await publishAll(broker, topic, numbers(20), (n) => `k${n as number}`)
    const subscription = broker.subscribe(topic, ({ payload }) => void seen.push(payload), {
      group,
      from: 'start',
    })
    await eventually(() => seen.length === 20)

    await broker.seekGroup(group, topic, 'start')
    await eventually(() => seen.length === 40)
    subscription.close()
    await broker.close()
    const other = await makeBroker(engine)
    await other.seekGroup(group, topic, -3)
    other.subscribe(topic, ({ payload }) => void seen.push(payload), { group })

    await eventually(() => seen.length === 46)
    expect(booksOf(broker, group)).toMatchObject({ delivered: 40, acked: 40 })
  })

  it('refuse a second pattern, other settings, and options of a mailbox', async () => {
    const broker = await makeBroker(engine)
    const [topic, group] = [newTopic(), uniqueName('g')]
    broker.subscribe(topic, { group, maxInFlight: 5 })

    expect(() => broker.subscribe('other.topic', { group })).toThrow(/pattern/)
    expect(() => broker.subscribe(topic, { group, maxInFlight: 6 })).toThrow(/maxInFlight/)
    expect(() => broker.subscribe(topic, { group, capacity: 6 } as never)).toThrow(/capacity/)
    expect(() => broker.subscribe(topic, { group: '' })).toThrow(/group/)
  })
})
