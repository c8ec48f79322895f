import { describe, expect, it } from 'vitest'
import { assertConsumerBalanced, consume } from '../../src/flow/index.ts'
import { eventually } from '../support/eventually.ts'
import { uniqueName } from '../support/servers/shared.ts'
import { booksOf, engines, makeBroker, newTopic, numbers, publishAll } from './support.ts'

describe.each(engines)('consumers on $name', (engine) => {
  it('move a message that always fails to its dead letters, and go on behind it', async () => {
    const broker = await makeBroker(engine, { partitions: 2 })
    const [topic, group] = [newTopic(), uniqueName('g')]
    await publishAll(broker, topic, numbers(20), () => 'one key')
    const dead = broker.subscribe(`${topic}.dlq`, { from: 'start' })
    const seen: unknown[] = []

    const consumer = consume(
      { broker, pattern: topic, subscribe: { group, from: 'start' } },
      ({ payload }) => {
        seen.push(payload)
        if (payload === 7) throw new Error('poison')
      },
      { retry: { attempts: 3, firstMs: 10 }, observer: { handlerError: () => undefined } },
    )

    await eventually(() => booksOf(broker, group).acked === 20)
    const { value } = await dead.next()
    expect(value).toMatchObject({ topic: `${topic}.dlq`, payload: 7, key: 'one key' })
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 7, 7, ...numbers(20).slice(8)])
    await consumer.drain()
    assertConsumerBalanced(consumer.ledger())
  })
})
