import { expect, it } from 'vitest'
import { type Broker, createBroker, type Message } from '../../src/index.ts'
import { createLogBroker } from '../../src/log/index.ts'
import { assertConsumerBalanced, consume, type SourceOptions } from '../../src/flow/index.ts'
import { directory, openInline, undo } from '../support/undo.ts'
import { range, until } from '../support/watch.ts'
import { Failure, publishAll } from './helpers.ts'

const brokers: readonly [
  name: string,
  open: () => Promise<Broker> | Broker,
  subscribe: SourceOptions<Message>,
][] = [
  ['memory', () => createBroker(), {}],
  ['memory, in a group', () => createBroker(), { group: 'g' }],
  ['memory, blocking', () => createBroker(), { overflow: 'block', capacity: 2 }],
  ['log', () => createLogBroker(), {}],
  ['log, from its start', () => createLogBroker(), { from: 'start' }],
  ['disk', () => openInline(directory()), {}],
  ['disk, from its start', () => openInline(directory()), { from: 'start' }],
  ['disk, in a group', () => openInline(directory()), { group: 'g' }],
]

it.each(brokers)('the same code does the same on %s', async (_name, open, subscribe) => {
  const broker = await open()
  undo.push(() => broker.close())
  const dead: Message[] = []
  broker.subscribe('jobs.run.dlq', (message) => dead.push(message))
  const handled: unknown[] = []
  const consumer = consume(
    { broker, pattern: 'jobs.run', subscribe },
    async ({ payload }, { attempt }) => {
      await Promise.resolve()
      const n = payload as number
      if (n === 7 || (n % 5 === 0 && attempt === 1)) throw new Failure(`${n}`)
      handled.push(n)
    },
    {
      concurrency: 3,
      orderingKey: () => 'all',
      retry: { attempts: 2, firstMs: 1 },
      observer: { handlerError: () => undefined },
    },
  )
  await publishAll(broker, 'jobs.run', range(0, 20))
  await until(() => consumer.ledger().handled + consumer.ledger().deadLettered === 20, 1_000_000)

  expect(await consumer.drain()).toMatchObject({ complete: true })
  assertConsumerBalanced(consumer.ledger())
  expect(handled).toEqual(range(0, 20).filter((n) => n !== 7))
  expect(dead.map(({ payload }) => payload)).toEqual([7])
  expect(consumer.ledger()).toMatchObject({
    received: 20,
    handled: 19,
    deadLettered: 1,
    attempts: { started: 25 },
  })
})
