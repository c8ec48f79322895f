import { expect, it } from 'vitest'
import { assertConsumerBalanced, consume } from '../../src/flow/index.ts'
import type { Message } from '../../src/index.ts'
import { broker, ownServer } from '../nats/world.ts'
import { range, until } from '../support/watch.ts'
import { Failure, publishAll } from './helpers.ts'

const server = ownServer()

it('the same code does the same on a NATS server', async () => {
  const nats = await broker(server())
  const dead: Message[] = []
  nats.subscribe('jobs.run.dlq', (message) => dead.push(message))
  const handled: unknown[] = []
  const consumer = consume(
    { broker: nats, pattern: 'jobs.run', subscribe: { group: 'g' } },
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
  await nats.flush()
  await publishAll(nats, 'jobs.run', range(0, 20))
  await until(() => consumer.ledger().handled + consumer.ledger().deadLettered === 20, 1_000_000)
  await until(() => dead.length === 1, 1_000_000)

  expect(await consumer.drain()).toMatchObject({ complete: true })
  assertConsumerBalanced(consumer.ledger())
  expect(handled).toEqual(range(0, 20).filter((n) => n !== 7))
  expect(dead[0]).toMatchObject({ payload: 7, headers: { 'spillway-dead-letter-reason': 'attempts' } })
})

it('a body that cannot be decoded is dead-lettered as it came, and not tried again', async () => {
  const nats = await broker(server())
  const raw = await broker(server(), {
    codec: { encode: (value) => value as Uint8Array, decode: (bytes) => bytes },
  })
  const dead: Message[] = []
  nats.subscribe('jobs.run.dlq', (message) => dead.push(message))
  const consumer = consume({ broker: nats, pattern: 'jobs.run' }, ({ payload }) => payload, {
    observer: { handlerError: () => undefined },
  })
  await nats.flush()
  await raw.publish('jobs.run', new TextEncoder().encode('{ this is not JSON'))
  await until(() => dead.length === 1, 1_000_000)

  expect(consumer.ledger()).toMatchObject({ deadLettered: 1, attempts: { started: 1 } })
  expect(new TextDecoder().decode(dead[0]?.payload as Uint8Array)).toBe('{ this is not JSON')
  expect(dead[0]?.headers).toMatchObject({
    'spillway-dead-letter-reason': 'payload',
    'spillway-dead-letter-error': 'PayloadInvalidError',
  })
  await consumer.close()
})
