import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { ConsumerClient } from '../../src/kafka/client.ts'
import { createKafkaBroker, type KafkaClient } from '../../src/kafka/index.ts'
import { eventually } from '../support/eventually.ts'
import { sharedKafka, uniqueName } from '../support/servers/shared.ts'
import { undo } from '../support/undo.ts'
import { quick } from './quick.ts'
import {
  booksOf,
  engines,
  heard,
  makeBroker,
  newTopic,
  numbers,
  ownsPartitions,
  publishAll,
} from './support.ts'

/** What each trap of the clients looked like before the adapter: design notes in docs/kafka.md. */
describe.each(engines)('traps of $name', (engine) => {
  it('T1: a message whose handler throws is delivered again in place, before those behind it', async () => {
    const broker = await makeBroker(engine)
    const [topic, group] = [newTopic(), uniqueName('g')]
    await publishAll(broker, topic, numbers(10), () => 'one key')
    const seen: unknown[] = []

    broker.subscribe(
      topic,
      ({ attempt, payload }) => {
        seen.push(payload)
        if (payload === 3 && attempt < 3) throw new Error('not yet')
      },
      { group, from: 'start' },
    )

    await eventually(() => booksOf(broker, group).acked === 10)
    expect(seen).toEqual([0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 8, 9])
    expect(booksOf(broker, group)).toMatchObject({ delivered: 12, acked: 10, nacked: 2, inFlight: 0 })
  })

  it('T2: a message that is never acked is not covered by later acks: a restart begins with it', async () => {
    const first = await makeBroker(engine)
    const [topic, group] = [newTopic(), uniqueName('g')]
    await publishAll(first, topic, numbers(10))
    const acked: unknown[] = []
    first.subscribe(
      topic,
      async ({ payload, ...delivery }) => {
        if (payload === 3) await new Promise(() => undefined) // swallowed: neither acked nor given back
        acked.push(payload)
        return delivery
      },
      { group, from: 'start', concurrency: 2 },
    )
    await eventually(() => acked.length === 9)
    await first.close()

    const second = await makeBroker(engine)
    const subscription = second.subscribe(topic, { group })
    const { value } = await subscription.next()

    expect(value?.payload).toBe(3)
    expect(booksOf(first, group)).toMatchObject({ delivered: 10, acked: 9, returned: 1, inFlight: 0 })
  })

  it('T3: a message given back comes again after its delay; those without its key go on meanwhile', async () => {
    const broker = await makeBroker(engine)
    const [topic, group] = [newTopic(), uniqueName('g')]
    await publishAll(broker, topic, numbers(8), (n) => (n === 2 || n === 5 ? 'slow' : `k${n as number}`))
    const seen: unknown[] = []
    let givenBackAt = 0
    let againAt = 0
    let taken = false

    for await (const delivery of broker.subscribe(topic, { group, from: 'start' })) {
      seen.push(delivery.payload)
      if (delivery.payload === 2 && delivery.attempt === 1) {
        givenBackAt = Date.now()
        taken = delivery.nak({ delayMs: 300 })
        continue
      }
      if (delivery.payload === 2) againAt = Date.now()
      expect(delivery.ack()).toBe(true)
      if (booksOf(broker, group).acked === 8) break
    }

    expect(seen).toEqual([0, 1, 2, 3, 4, 6, 7, 2, 5])
    expect(taken).toBe(true)
    expect(againAt - givenBackAt).toBeGreaterThanOrEqual(299)
  })

  it('T4: a handler that takes longer than the session keeps the membership', async () => {
    const broker = await makeBroker(engine, {
      consuming: { sessionTimeoutMs: 1500, heartbeatMs: 200, revokeDeadlineMs: 500 },
    })
    const [topic, group] = [newTopic(), uniqueName('g')]
    const assignments = heard(broker, 'assignment')
    await publishAll(broker, topic, [1, 2])
    const seen: unknown[] = []

    broker.subscribe(
      topic,
      async ({ payload }) => {
        seen.push(payload)
        if (payload === 1) await setTimeout(4000)
      },
      { group, from: 'start' },
    )

    await eventually(() => booksOf(broker, group).acked === 2)
    expect(seen).toEqual([1, 2])
    expect(assignments.map(({ kind }) => kind)).toEqual(['assigned'])
    await eventually(async () => (await broker.groups())[0]?.lagMessages === 0)
    expect(booksOf(broker, group).commits).toMatchObject({ failed: 0, mismatched: 0 })
  })

  it('T5: a member that does not keep up pauses its partitions and stays in the group', async () => {
    const broker = await makeBroker(engine, {
      partitions: 2,
      consuming: { bufferMessages: 8, sessionTimeoutMs: 1500, heartbeatMs: 200, revokeDeadlineMs: 500 },
    })
    const [topic, group] = [newTopic(), uniqueName('g')]
    const assignments = heard(broker, 'assignment')
    await publishAll(broker, topic, numbers(300), (n) => `k${(n as number) % 16}`)
    const subscription = broker.subscribe(topic, { group, from: 'start', maxInFlight: 4 })
    const held = [await subscription.next(), await subscription.next()]
    const since = Date.now()
    await eventually(() => Date.now() - since > 3000, { everyMs: 100 }) // twice the session

    for (const { value } of held) expect(value?.ack()).toBe(true)
    const seen = new Map(held.map(({ value }) => [value?.payload, value?.attempt]))
    for await (const delivery of subscription) {
      seen.set(delivery.payload, delivery.attempt)
      expect(delivery.ack()).toBe(true)
      if (seen.size === 300) break
    }

    expect(new Set(seen.values())).toEqual(new Set([1]))
    expect(booksOf(broker, group)).toMatchObject({ delivered: 300, acked: 300 })
    expect(assignments.map(({ kind }) => kind).filter((kind) => kind === 'lost')).toEqual([])
  })

  it('T6: a drain waits for the handler that runs, and its commit', async () => {
    const broker = await makeBroker(engine)
    const [topic, group] = [newTopic(), uniqueName('g')]
    let started = false
    let finished = false
    broker.subscribe(
      topic,
      async () => {
        started = true
        await setTimeout(500)
        finished = true
      },
      { group, from: 'start' },
    )
    await broker.publish(topic, 'only')
    await eventually(() => started)

    const report = await broker.drain()

    expect([finished, report.complete]).toEqual([true, true])
    const other = await makeBroker(engine)
    const next = other.subscribe(topic, { group })
    await ownsPartitions(other, group, 1)
    expect((await other.groups())[0]).toMatchObject({ lagMessages: 0 })
    next.close()
  })

  it('C1: a commit that the server has refused is noticed, counted and repeated', async () => {
    const { brokers } = await sharedKafka()
    const refusals = { left: 1, seen: 0 }
    const broker = createKafkaBroker({
      kafka: refusing(engine.connect({ brokers }), refusals),
      engine: engine.name === 'kafkajs' ? 'kafkajs' : 'confluent',
      ...quick,
      observer: { warning: () => undefined },
    })
    undo.push(() => broker.close())
    const [topic, group] = [newTopic(), uniqueName('g')]
    await publishAll(broker, topic, numbers(5))

    broker.subscribe(topic, () => undefined, { group, from: 'start' })
    await eventually(() => booksOf(broker, group).acked === 5)
    await broker.drain()

    expect(refusals.seen).toBe(1)
    const { commits } = booksOf(broker, group)
    // One engine is told, the other finds out by reading back.
    const [failed, mismatched] = engine.name === 'kafkajs' ? [1, 0] : [0, 1]
    expect(commits).toMatchObject({ failed, mismatched })
    const other = await makeBroker(engine)
    other.subscribe(topic, { group })
    await ownsPartitions(other, group, 1)
    expect((await other.groups())[0]).toMatchObject({ lagMessages: 0 })
  })

  it('C1: an offset that the server refuses again and again is warned of', async () => {
    const { brokers } = await sharedKafka()
    const refusals = { left: 1000, seen: 0 }
    const broker = createKafkaBroker({
      kafka: refusing(engine.connect({ brokers }), refusals),
      engine: engine.name === 'kafkajs' ? 'kafkajs' : 'confluent',
      verifyCommits: true,
      ...quick,
    })
    undo.push(() => broker.close())
    const warnings = heard(broker, 'warning')
    const [topic, group] = [newTopic(), uniqueName('g')]
    await publishAll(broker, topic, numbers(5))

    broker.subscribe(topic, () => undefined, { group, from: 'start' })
    await eventually(() => booksOf(broker, group).acked === 5)
    await broker.drain()

    const { commits } = booksOf(broker, group)
    const told = engine.name === 'kafkajs' ? commits.failed > 0 : warnings[0]?.code === 'commit-refused'
    expect(told).toBe(true)
  })
})

/** A client whose first commits the server refuses: their note is longer than it allows. */
function refusing(kafka: KafkaClient, refusals: { left: number; seen: number }): KafkaClient {
  const tooLong = 'x'.repeat(5000)
  const spoil = <T extends object>(places: readonly T[]): readonly T[] => {
    if (refusals.left === 0) return places
    refusals.left--
    refusals.seen++
    return places.map((place) => ({ ...place, metadata: tooLong }))
  }
  return {
    producer: (config) => kafka.producer(config),
    admin: (config) => kafka.admin(config),
    consumer(config) {
      const client = kafka.consumer(config) as ConsumerClient
      const commitOffsets = client.commitOffsets.bind(client)
      const run = client.run.bind(client)
      client.commitOffsets = (places) => commitOffsets(spoil(places))
      client.run = (given) =>
        run({
          ...given,
          eachBatch: (payload) => {
            const commit = payload.commitOffsetsIfNecessary
            return given.eachBatch({
              ...payload,
              commitOffsetsIfNecessary: (offsets) =>
                commit({
                  topics: (offsets?.topics ?? []).map((one) => ({
                    ...one,
                    partitions: spoil(one.partitions),
                  })),
                }),
            })
          },
        })
      return client
    },
  }
}
