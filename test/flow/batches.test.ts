import { describe, expect, it } from 'vitest'
import { consumeBatches } from '../../src/flow/index.ts'
import type { Message } from '../../src/index.ts'
import { directory, openInline } from '../support/undo.ts'
import { Gate, range, until } from '../support/watch.ts'
import { Failure, pass, payloadsOf, publishAll, quiet, steady, untilEmpty, world } from './helpers.ts'

describe('a batch', () => {
  it('has what is there, up to maxBatch', async () => {
    const { base, broker } = world()
    const batches: unknown[][] = []
    const subscription = broker.subscribe('a')
    await publishAll(broker, 'a', range(0, 8))
    const consumer = consumeBatches(
      subscription,
      (messages) => {
        batches.push(payloadsOf(messages))
        return messages
      },
      { ...base, maxBatch: 3, exhausted: 'discard' },
    )
    await untilEmpty(consumer)

    expect(batches).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7],
    ])
    expect(consumer.ledger()).toMatchObject({ received: 8, handled: 8 })
  })

  it('leaves out what the broker has taken back while it was filling', async () => {
    const { base, clock, ear } = world()
    const broker = await openInline(directory(), { clock })
    const batches: unknown[][] = []
    const consumer = consumeBatches(
      { broker, pattern: 'a', subscribe: { group: 'g', ackDeadlineMs: 1000 } },
      (messages, { attemptOf }) => {
        batches.push(messages.map((message) => attemptOf(message)))
        return messages
      },
      { ...base, lingerMs: 2000, extendEveryMs: 1500 },
    )
    await publishAll(broker, 'a', [1])
    await until(() => consumer.ledger().received === 1)
    await pass(clock, 1000)
    await until(() => consumer.ledger().received === 2)
    await pass(clock, 500)
    await pass(clock, 500)
    await untilEmpty(consumer)

    expect(batches).toEqual([[2]])
    expect(consumer.ledger()).toMatchObject({ received: 2, handled: 1, returned: 1, tooLate: 0 })
    expect(ear.of('returned')).toMatchObject([{ reason: 'lost', again: true }])
    await consumer.close()
  })

  it('waits lingerMs to fill, and not when it is full', async () => {
    const { base, broker, clock } = world()
    const batches: unknown[][] = []
    const consumer = consumeBatches(
      { broker, pattern: 'a' },
      (messages) => {
        batches.push(payloadsOf(messages))
        return messages
      },
      { ...base, maxBatch: 3, lingerMs: 50 },
    )

    await publishAll(broker, 'a', [1, 2])
    await pass(clock, 49)
    expect(batches).toEqual([])
    expect(consumer.ledger().inFlight).toMatchObject({ queued: 2 })
    await pass(clock, 1)
    expect(batches).toEqual([[1, 2]])
    await publishAll(broker, 'a', [3, 4, 5])
    await quiet()
    expect(batches).toEqual([
      [1, 2],
      [3, 4, 5],
    ])
    await publishAll(broker, 'a', [6])
    expect(await consumer.drain()).toMatchObject({ complete: true, handled: 1 })
    expect(batches.at(-1)).toEqual([6])
    expect(clock.timers).toBe(0)
  })

  it('is handled as far as it says: what it leaves out has failed, alone', async () => {
    const { base, broker, clock, ear } = world()
    const got: unknown[][] = []
    const subscription = broker.subscribe('a')
    await publishAll(broker, 'a', [1, 2, 3])
    const consumer = consumeBatches(
      subscription,
      async (messages, context) => {
        got.push(messages.map((message) => [message.payload, context.attemptOf(message)]))
        return messages.filter((message) => message.payload !== 2 || context.attemptOf(message) > 1)
      },
      { ...base, exhausted: 'discard', retry: steady },
    )

    await quiet()
    expect(consumer.ledger()).toMatchObject({ handled: 2, inFlight: { parked: 1 } })
    await publishAll(broker, 'a', [4])
    await pass(clock, 100)
    await untilEmpty(consumer)

    expect(got).toEqual([
      [
        [1, 1],
        [2, 1],
        [3, 1],
      ],
      [[4, 1]],
      [[2, 2]],
    ])
    expect(consumer.ledger()).toMatchObject({ handled: 4 })
    expect(ear.of('handlerError')).toMatchObject([{ error: { code: 'SPW_NOT_HANDLED' }, attempt: 1 }])
  })

  it('that throws fails all, one by one counted', async () => {
    const { base, broker } = world()
    const subscription = broker.subscribe('a')
    await publishAll(broker, 'a', [1, 2, 3])
    const consumer = consumeBatches(
      subscription,
      () => {
        throw new Failure('all')
      },
      { ...base, exhausted: 'discard', retry: { attempts: 1 } },
    )
    await untilEmpty(consumer)

    expect(consumer.ledger()).toMatchObject({ discarded: 3, attempts: { started: 3, failed: 3 } })
  })

  it('dead-letters one message with the reason that context.fail gave, even when it is returned', async () => {
    const { base, broker } = world()
    const dead: Message[] = []
    broker.subscribe('a.dlq', (message) => dead.push(message))
    const subscription = broker.subscribe('a')
    await publishAll(broker, 'a', [1, 2])
    const consumer = consumeBatches(
      subscription,
      (messages, { fail }) => {
        const [, second] = messages
        if (second !== undefined) fail(second, new Failure('mine'))
        return messages
      },
      { ...base, deadLetter: { broker }, retry: { attempts: 1 } },
    )
    await untilEmpty(consumer)

    expect(dead.map(({ payload, headers }) => [payload, headers['spillway-dead-letter-message']])).toEqual([
      [2, 'mine'],
    ])
    expect(consumer.ledger()).toMatchObject({ handled: 1, deadLettered: 1 })
  })

  it('whose handler returns nothing, or something else, has not been handled', async () => {
    const { base, broker, ear } = world()
    const answers: unknown[] = [undefined, ['something else'], 42]
    const consumer = consumeBatches({ broker, pattern: 'a' }, () => answers.shift() as Iterable<never>, {
      ...base,
      exhausted: 'discard',
      retry: { attempts: 1 },
    })
    await publishAll(broker, 'a', [1, 2, 3])
    await untilEmpty(consumer)

    expect(consumer.ledger()).toMatchObject({ discarded: 3 })
    expect(ear.of('callbackError')).toMatchObject([{ callback: 'batch handler' }])
  })

  it('never holds two messages of one key, and keeps their order', async () => {
    const { base, broker } = world()
    const batches: unknown[][] = []
    const subscription = broker.subscribe('a')
    await publishAll(broker, 'a', ['x1', 'x2', 'y1', 'x3', 'z1'])
    const consumer = consumeBatches(
      subscription,
      (messages) => {
        batches.push(payloadsOf(messages))
        return messages
      },
      { ...base, exhausted: 'discard', orderingKey: ({ payload }) => (payload as string)[0] },
    )
    await untilEmpty(consumer)

    expect(batches).toEqual([['x1', 'y1', 'z1'], ['x2'], ['x3']])
  })

  it('that does not settle fails at its deadline, all of it', async () => {
    const { base, broker, clock, ear } = world()
    const gate = new Gate()
    const subscription = broker.subscribe('a')
    await publishAll(broker, 'a', [1, 2])
    const consumer = consumeBatches(
      subscription,
      async (messages) => {
        await gate.opened
        return messages
      },
      { ...base, deadlineMs: 10, exhausted: 'discard', retry: { attempts: 1 } },
    )
    await pass(clock, 10)

    expect(consumer.ledger()).toMatchObject({
      discarded: 2,
      attempts: { expired: 1, abandoned: 1, failed: 2 },
    })
    gate.open()
    await quiet()
    expect(ear.of('lateResult')).toMatchObject([{ messages: [{ payload: 1 }, { payload: 2 }] }])
    expect(consumer.ledger().attempts.abandoned).toBe(0)
  })

  it('passes through middleware', async () => {
    const { base, broker } = world()
    const consumer = consumeBatches({ broker, pattern: 'a' }, (messages) => messages, {
      ...base,
      exhausted: 'discard',
      retry: { attempts: 1 },
      use: [async (_messages, _context, next) => [...(await next())].filter(({ payload }) => payload !== 2)],
    })
    await publishAll(broker, 'a', [1, 2, 3])
    await untilEmpty(consumer)

    expect(consumer.ledger()).toMatchObject({ handled: 2, discarded: 1 })
  })
})
