import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { uniqueName } from '../support/servers/shared.ts'
import { engines, makeBroker, newTopic, numbers, publishAll } from './support.ts'

describe.each(engines)('publishing with $name', (engine) => {
  it('resolves with the place of each message, in the order of its partition', async () => {
    const broker = await makeBroker(engine, { partitions: 3 })
    const topic = newTopic()

    const receipts = await Promise.all(
      numbers(500).map((n) => broker.publish(topic, n, { key: `k${n % 7}` })),
    )

    const places = new Map<number, number>()
    for (const { level, offset, partition, routed } of receipts) {
      expect({ level, routed }).toEqual({ level: 'written', routed: true })
      expect(offset).toBe(places.get(partition) ?? 0)
      places.set(partition, offset + 1)
    }
    expect([...places.values()].reduce((sum, count) => sum + count)).toBe(500)
    expect(broker.ledger().transport).toMatchObject({ sent: 500, confirmed: 500, waiting: 0 })
  })

  it('carries key, headers, id, time, bytes, nothing and tombstones', async () => {
    const broker = await makeBroker(engine)
    const topic = newTopic()
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const before = Date.now()

    await broker.publish(
      topic,
      { ä: '☃' },
      { key: 'ключ', id: 'order-1', headers: { traceparent, 'x-ü': 'ö' } },
    )
    await broker.publish(topic, new Uint8Array([0, 255]))
    await broker.publish(topic, undefined)
    await broker.publish(topic, 'gone', { key: 'ключ', tombstone: true })
    const [first, bytes, empty, tombstone] = await take(broker.subscribe(topic, { from: 'start' }), 4)

    expect(first).toMatchObject({
      topic,
      payload: { ä: '☃' },
      key: 'ключ',
      id: 'order-1',
      partition: 0,
      offset: 0,
    })
    expect(first?.headers).toMatchObject({ traceparent, 'x-ü': 'ö' })
    expect(first?.time).toBeGreaterThanOrEqual(before)
    expect(first?.time).toBeLessThanOrEqual(Date.now())
    expect(bytes).toMatchObject({ key: undefined, tombstone: false })
    expect(Array.from((bytes?.payload ?? []) as Uint8Array)).toEqual([0, 255])
    expect([empty?.payload, empty?.tombstone, empty?.raw.length]).toEqual([undefined, false, 0])
    expect([tombstone?.payload, tombstone?.tombstone, tombstone?.key]).toEqual([undefined, true, 'ключ'])
  })

  it('puts equal keys where every client of Kafka puts them', async () => {
    const broker = await makeBroker(engine, { partitions: 6 })
    const topic = newTopic()
    const keys = numbers(40).map((n) => `customer-${n}`)

    const receipts = await Promise.all(keys.map((key) => broker.publish(topic, key, { key })))

    expect(receipts.map(({ partition }) => partition)).toEqual(javaPartitions)
  })

  it('refuses a topic that does not exist and must not be created', async () => {
    const broker = await makeBroker(engine, { topics: { create: false } })

    await expect(broker.publish(newTopic('nowhere'), 1)).rejects.toMatchObject({
      code: 'SPW_PUBLISH_REJECTED',
    })

    expect(broker.ledger().transport).toMatchObject({ sent: 1, failed: 1, unknown: 0 })
  })

  it.each([
    ['with an odd letter', 'ü'],
    ['that is too long', 'a'.repeat(250)],
    ['with a slash', 'a.b/c'],
  ])('refuses a topic %s, which Kafka does not allow', async (_, topic) => {
    const broker = await makeBroker(engine)

    await expect(broker.publish(topic, 1)).rejects.toMatchObject({ code: 'SPW_KAFKA_TOPIC', topic })

    expect(broker.ledger().transport.sent).toBe(0)
  })

  it('rejects only the message that the server refuses, not those that travel with it', async () => {
    const broker = await makeBroker(engine, { topics: { config: { 'max.message.bytes': '2000' } } })
    const topic = newTopic()
    await broker.publish(topic, 'first')

    const outcomes = await Promise.allSettled(
      ['a', 'b'.repeat(5000), 'c'].map((payload) => broker.publish(topic, payload)),
    )

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: { code: 'SPW_PUBLISH_REJECTED', topic } })
    const messages = await take(broker.subscribe(topic, { from: 'start' }), 3)
    // Those sent again may come behind what was under way, as docs/kafka.md says; each is there once.
    expect(messages.map(({ payload }) => String(payload)).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'a',
      'c',
      'first',
    ])
  })

  it('keeps the order of equal keys however many are published at once', async () => {
    const broker = await makeBroker(engine, { partitions: 4, batching: { messages: 16 } })
    const topic = newTopic()

    await publishAll(broker, topic, numbers(2000), (n) => `k${(n as number) % 10}`)
    const messages = await take(broker.subscribe(topic, { from: 'start' }), 2000)

    const last = new Map<string | undefined, number>()
    for (const { key, payload } of messages) {
      expect(payload as number).toBeGreaterThan(last.get(key) ?? -1)
      last.set(key, payload as number)
    }
  })

  it('makes publishers wait when too much is unanswered, and refuses when too many wait', async () => {
    const broker = await makeBroker(engine, { window: { messages: 10 } })
    const topic = newTopic()

    const outcomes = await Promise.allSettled(numbers(25).map((n) => broker.publish(topic, n)))

    const refused = outcomes.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(5)
    expect(refused[0]).toMatchObject({ reason: { code: 'SPW_PUBLISH_OVERLOADED' } })
    expect(broker.ledger().transport).toMatchObject({ sent: 20, confirmed: 20 })
    await expect(broker.publish(topic, 'again')).resolves.toMatchObject({ offset: 20 })
  })

  it('delivers to a subscription made before everything published after it', async () => {
    const broker = await makeBroker(engine)
    const topic = newTopic()
    await broker.publish(topic, 'earlier')

    const subscription = broker.subscribe(topic)
    await broker.publish(topic, 'later')

    expect((await subscription.next()).value?.payload).toBe('later')
  })

  it('refuses after close, twice as well, and tells what was unanswered that it is', async () => {
    const broker = await makeBroker(engine)
    const topic = uniqueName('t.closing')
    const publishing = broker.publish(topic, 1)

    await Promise.all([broker.close(), broker.close()])

    await expect(publishing).rejects.toThrow(/closed|answer/i)
    await expect(broker.publish(topic, 2)).rejects.toMatchObject({ code: 'SPW_BROKER_CLOSED' })
    expect(() => broker.subscribe(topic)).toThrow(/closed/)
    await eventually(() => broker.ledger().transport.waiting === 0)
    expect(broker.health().state).toBe('closed')
  })
})

/** What Java's default partitioner makes of customer-0 … customer-39 with six partitions. */
const javaPartitions: readonly number[] = [
  1, 3, 2, 4, 1, 0, 1, 1, 2, 5, 3, 2, 2, 1, 4, 1, 1, 4, 0, 0, 4, 1, 2, 0, 3, 4, 5, 3, 0, 0, 5, 1, 3, 1, 0, 2,
  0, 2, 5, 1,
]

async function take<T>(subscription: AsyncIterable<T>, count: number): Promise<T[]> {
  const messages: T[] = []
  for await (const message of subscription) {
    messages.push(message)
    if (messages.length === count) break
  }
  return messages
}
