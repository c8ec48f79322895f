import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { assertBalanced } from '../../src/core/ledger.ts'
import type { KafkaBroker, KafkaDelivery } from '../../src/kafka/index.ts'
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
  publishAll,
} from './support.ts'

interface Handled {
  readonly by: string
  readonly payload: number
  readonly key: string | undefined
  settled: boolean
}

/** A member whose handler takes a while, and what it has handled. */
function handle(broker: KafkaBroker, topic: string, group: string, by: string, history: Handled[]): void {
  broker.subscribe(
    topic,
    async ({ key, payload }) => {
      const entry = { by, key, payload: payload as number, settled: false }
      history.push(entry)
      await setTimeout(10)
      entry.settled = true
    },
    { group, from: 'start', concurrency: 8 },
  )
}

describe.each(engines)('rebalances with $name', (engine) => {
  it('lose nothing and repeat only what was not acked when a member comes and goes while all are at work', async () => {
    const [first, second] = [await makeBroker(engine, { partitions: 4 }), await makeBroker(engine)]
    const [topic, group] = [newTopic(), uniqueName('g')]
    const history: Handled[] = []
    const assignments = heard(first, 'assignment')
    await publishAll(first, topic, numbers(1000), (n) => `k${(n as number) % 20}`)

    handle(first, topic, group, 'first', history)
    await eventually(() => history.length > 50)
    handle(second, topic, group, 'second', history)
    await eventually(() => history.some(({ by }) => by === 'second'), { withinMs: 15_000 })
    await publishAll(
      first,
      topic,
      numbers(200).map((n) => 1000 + n),
      (n) => `k${(n as number) % 20}`,
    )
    await second.drain()
    await eventually(() => new Set(history.map(({ payload }) => payload)).size === 1200, { withinMs: 20_000 })
    await eventually(() => booksOf(first, group).inFlight === 0)

    const books = [first, second].map((broker) => booksOf(broker, group))
    const returned = books.reduce((sum, { returned }) => sum + returned, 0)
    expect(history.length - 1200).toBeLessThanOrEqual(returned) // what is repeated was in flight and is counted
    expect(books.reduce((sum, { acked }) => sum + acked, 0)).toBe(history.length - returned)
    expect(new Set(assignments.map(({ kind }) => kind))).toEqual(new Set(['assigned', 'revoked']))
    for (const broker of [first, second]) assertBalanced(broker.ledger())
  })

  it('keep the order of equal keys, from one owner to the next', async () => {
    const [first, second] = [await makeBroker(engine, { partitions: 4 }), await makeBroker(engine)]
    const [topic, group] = [newTopic(), uniqueName('g')]
    const history: Handled[] = []
    await publishAll(first, topic, numbers(600), (n) => `k${(n as number) % 12}`)

    handle(first, topic, group, 'first', history)
    await eventually(() => history.length > 30)
    handle(second, topic, group, 'second', history)
    await eventually(() => new Set(history.map(({ payload }) => payload)).size === 600, { withinMs: 20_000 })

    const last = new Map<string | undefined, number>()
    for (const { key, payload } of history) {
      expect(payload).toBeGreaterThan(last.get(key) ?? -1)
      last.set(key, payload)
    }
    expect(new Set(history.map(({ by }) => by)).size).toBe(2)
  })

  it('drop what is still in hand when the deadline passes, and refuse its ack', async () => {
    const options = { consuming: { revokeDeadlineMs: 200 } }
    const [first, second] = [
      await makeBroker(engine, { partitions: 2, ...options }),
      await makeBroker(engine),
    ]
    const [topic, group] = [newTopic(), uniqueName('g')]
    await publishAll(first, topic, numbers(40), (n) => `k${n as number}`)
    const holding = first.subscribe(topic, { group, from: 'start', maxInFlight: 40 })
    const held: KafkaDelivery[] = []
    for (let n = 0; n < 40; n++) {
      const { value } = await holding.next()
      if (value !== undefined) held.push(value)
    }

    const got: unknown[] = []
    second.subscribe(topic, ({ payload }) => void got.push(payload), { group })
    await ownsPartitions(second, group, 1)
    await eventually(() => got.length > 0)

    const late = held.filter(({ payload }) => got.includes(payload))
    expect(late.length).toBeGreaterThan(0)
    expect(booksOf(first, group).returned).toBeGreaterThanOrEqual(late.length)
    for (const delivery of late) expect(delivery.ack()).toBe(false)
    expect(booksOf(first, group).acked).toBe(0)
  })

  it('give one partition to one member, and to another when it has gone', async () => {
    const [first, second] = [await makeBroker(engine), await makeBroker(engine)]
    const [topic, group] = [newTopic(), uniqueName('g')]
    const [mine, theirs]: [unknown[], unknown[]] = [[], []]
    const one = first.subscribe(topic, ({ payload }) => void mine.push(payload), { group, from: 'start' })
    await publishAll(first, topic, [1, 2, 3])
    await eventually(() => booksOf(first, group).acked === 3)
    second.subscribe(topic, ({ payload }) => void theirs.push(payload), { group })

    one.close()
    await ownsPartitions(second, group, 1)
    await publishAll(first, topic, [4, 5])

    await eventually(() => theirs.length === 2)
    expect([mine, theirs]).toEqual([
      [1, 2, 3],
      [4, 5],
    ])
  })
})
