import { expect, it } from 'vitest'
import { assertBalanced, createBroker } from '../../src/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { losses, takeAll, turn, watch } from '../support/watch.ts'

it('a publish made while another is being offered keeps its own ticket and deadline', async () => {
  const clock = new ManualClock()
  const broker = createBroker({ clock })
  let nested: ReturnType<typeof watch> | undefined
  let left = 1
  const stuck = broker.subscribe('t.a', { overflow: 'block', capacity: 1, blockTimeoutMs: 100 })
  broker.subscribe('t.*', {
    capacity: 1,
    onDrop: () => {
      if (left-- > 0) nested = watch(broker.publish('t.a', 'nested'))
    },
  })
  const full = broker.subscribe('t.*', { overflow: 'fail', capacity: 1 })
  await broker.publish('t.a', 'fills')

  const outer = watch(broker.publish('t.b', 'outer'))
  await turn()

  expect(outer.error).toMatchObject({ code: 'SPW_MAILBOX_FULL', topic: 't.b' })
  expect(losses(full.ledger())).toEqual({ refused: 2 })
  expect(nested?.state).toBe('pending')
  clock.advance(100)
  await turn()
  expect(nested?.error).toMatchObject({ code: 'SPW_PUBLISH_TIMEOUT', stalled: [{ id: stuck.id }] })
  expect(stuck.ledger()).toMatchObject({ waiting: 0, dropped: { timeout: 1 } })
  expect(clock.timers).toBe(0)
  assertBalanced(broker.ledger())
})

it('a mailbox closed from a callback before the message reaches it counts the copy as closed', async () => {
  const broker = createBroker()
  broker.subscribe('t', { capacity: 1, onDrop: () => later.close() })
  const later = broker.subscribe('t', { capacity: 8 })
  await broker.publish('t', 1)

  await broker.publish('t', 2)

  expect(losses(later.ledger())).toEqual({ closed: 2 })
  assertBalanced(broker.ledger())
})

it('publishes nested three deep reach every mailbox in the order they were made', async () => {
  const broker = createBroker()
  let depth = 0
  broker.subscribe('t', {
    capacity: 1,
    onDrop: ({ payload }) => {
      if (depth++ < 3) void broker.publish('t', `${payload}+`)
    },
  })
  const readers = [
    broker.subscribe('t'),
    broker.subscribe('t', { capacity: 9 }),
    broker.subscribe('t', { group: 'g' }),
    broker.subscribe('t', { capacityBytes: 99, sizeOf: () => 1 }),
  ]
  const handled: unknown[] = []
  broker.subscribe('t', ({ payload }) => void handled.push(payload))
  await broker.publish('t', 'fills')

  await broker.publish('t', 'x')
  await turn()

  const expected = ['fills', 'x', 'x+', 'x++', 'x+++']
  for (const reader of readers) expect(takeAll(reader)).toEqual(expected)
  expect(handled).toEqual(expected)
  assertBalanced(broker.ledger())
})
