import { describe, expect, it } from 'vitest'
import type { Position } from '../../src/core/position.ts'
import { eventually } from '../support/eventually.ts'
import { createKafkaBroker } from '../../src/kafka/index.ts'
import type { KafkaClient } from '../support/servers/kafka-engines.ts'
import { undo } from '../support/undo.ts'
import { quick } from './quick.ts'
import { engines, makeBroker, newTopic, numbers, plainClient, publishAll } from './support.ts'

describe.each(engines)('readers with $name', (engine) => {
  it('begin where they are told to, and go on with what comes, without a gap or a repetition', async () => {
    const broker = await makeBroker(engine)
    const topic = newTopic()
    await publishAll(broker, topic, numbers(6))
    await eventually(() => Date.now() % 20 === 0, { everyMs: 1 })
    const then = new Date(Date.now() + 1)
    await eventually(() => Date.now() > then.getTime() + 1, { everyMs: 1 })
    await publishAll(broker, topic, [6, 7, 8, 9])
    const positions: readonly (readonly [Position, readonly number[]])[] = [
      ['start', numbers(12)],
      ['end', [10, 11]],
      [4, numbers(12).slice(4)],
      [-3, [7, 8, 9, 10, 11]],
      [then, [6, 7, 8, 9, 10, 11]],
      [10, [10, 11]],
    ]

    const reading = positions.map(async ([from, expected]) => {
      const subscription = broker.subscribe(topic, { from })
      const seen: unknown[] = []
      for await (const { payload } of subscription) {
        seen.push(payload)
        if (seen.length === expected.length) break
      }
      return seen
    })
    await publishAll(broker, topic, [10, 11])

    expect(await Promise.all(reading)).toEqual(positions.map(([, expected]) => expected))
  })

  it('refuse an offset that retention has removed, or that does not exist yet', async () => {
    const broker = await makeBroker(engine)
    const topic = newTopic()
    await publishAll(broker, topic, numbers(10))
    const admin = (await plainClient(engine)).admin()
    await admin.connect()
    await admin.fetchTopicMetadata({ topics: [topic] })
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] })
    await admin.disconnect()

    const error = (from: number): Promise<unknown> =>
      broker
        .subscribe(topic, { from })
        .next()
        .catch((error: unknown) => error)

    expect(await error(2)).toMatchObject({ code: 'SPW_OFFSET_EVICTED', requested: 2, first: 4, next: 10 })
    expect(await error(11)).toMatchObject({ code: 'SPW_OFFSET_OUT_OF_RANGE', requested: 11, next: 10 })
    expect((await broker.subscribe(topic, { from: 'start' }).next()).value?.payload).toBe(4)
  })

  it('refuse one offset for a topic of several partitions', async () => {
    const broker = await makeBroker(engine, { partitions: 3 })
    const topic = newTopic()
    await broker.publish(topic, 1)

    const reading = broker.subscribe(topic, { from: 0 }).next()

    await expect(reading).rejects.toMatchObject({ code: 'SPW_PARTITIONED_TOPIC', topic, partitions: 3 })
  })

  it('find topics that are made later, and begin them at their start', async () => {
    const broker = await makeBroker(engine)
    const prefix = newTopic('later').replaceAll('-', '.')
    const subscription = broker.subscribe(`${prefix}.*.made`)
    const elsewhere = await makeBroker(engine)

    await elsewhere.publish(`${prefix}.a.made`, 'a')
    expect((await subscription.next()).value).toMatchObject({ topic: `${prefix}.a.made`, payload: 'a' })
    await elsewhere.publish(`${prefix}.other`, 'no match')
    await publishAll(elsewhere, `${prefix}.b.made`, ['b', 'c'])
    await broker.publish(`${prefix}.a.made`, 'd')
    const seen = [await subscription.next(), await subscription.next(), await subscription.next()]

    expect(new Set(seen.map(({ value }) => value?.payload))).toEqual(new Set(['b', 'c', 'd']))
  })

  it('drain reads to the present end, then ends; close ends at once', async () => {
    const broker = await makeBroker(engine, { partitions: 2 })
    const topic = newTopic()
    const seen: unknown[] = []
    const subscription = broker.subscribe(topic, ({ payload }) => void seen.push(payload), { from: 'start' })
    await publishAll(broker, topic, numbers(300))

    await subscription.drain()

    expect(seen.length).toBe(300)
    expect(subscription.closed).toBe(true)
    const reader = broker.subscribe(topic, { from: 'start' })
    const waiting = reader.next().then(() => reader.next())
    reader.close()
    await expect(waiting).resolves.toMatchObject({ done: true })
  })

  it('a drain asks for the present end until the server says it', async () => {
    const client = await plainClient(engine)
    let refusals = 0
    const kafka: KafkaClient = {
      producer: (config) => client.producer(config),
      consumer: (config) => client.consumer(config),
      admin(config) {
        const admin = client.admin(config)
        const ask = admin.fetchTopicOffsets.bind(admin)
        admin.fetchTopicOffsets = (...args) =>
          refusals-- > 0 ? Promise.reject(new Error('the leader is not known yet')) : ask(...args)
        return admin
      },
    }
    const topic = newTopic()
    await publishAll(await makeBroker(engine), topic, numbers(50))
    const broker = createKafkaBroker({
      kafka,
      engine: engine.name === 'kafkajs' ? 'kafkajs' : 'confluent',
      ...quick,
    })
    undo.push(() => broker.close())
    const seen: unknown[] = []
    const subscription = broker.subscribe(topic, ({ payload }) => void seen.push(payload), { from: 'start' })
    await eventually(() => broker.health().state === 'connected')

    refusals = 2
    await subscription.drain()

    expect(seen).toEqual(numbers(50))
  })

  it('end with their signal', async () => {
    const broker = await makeBroker(engine)
    const topic = newTopic()
    const stop = new AbortController()
    const seen: unknown[] = []
    await broker.publish(topic, 'first')

    for await (const { payload } of broker.subscribe(topic, { from: 'start', signal: stop.signal })) {
      seen.push(payload)
      stop.abort()
    }

    expect(seen).toEqual(['first'])
  })

  it('hand over a body that cannot be decoded, which fails when it is looked at', async () => {
    const broker = await makeBroker(engine)
    const topic = newTopic()
    await broker.publish(topic, 'good')
    const producer = (await plainClient(engine)).producer()
    await producer.connect()
    await producer.send({ topic, messages: [{ key: 'k', value: '{bad' }] })
    await producer.disconnect()

    const subscription = broker.subscribe(topic, { from: 'start' })
    await subscription.next()
    const { value } = await subscription.next()

    expect(() => value?.payload).toThrow(/cannot be decoded/)
    expect(Buffer.from(value?.raw ?? []).toString()).toBe('{bad')
    expect(value).toMatchObject({ id: `${topic}/0/1/${value?.time}`, key: 'k' })
  })

  it('refuse options of a mailbox, which they do not have', async () => {
    const broker = await makeBroker(engine)

    expect(() => broker.subscribe('a.b', { onDrop: () => undefined } as object)).toThrow(/onDrop/)
    expect(() => broker.subscribe('a.b', { overflow: 'block' } as object)).toThrow(/overflow/)
  })
})
