import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { assertConsumerBalanced, consume } from '../../src/flow/index.ts'
import { Gate, range, until } from '../support/watch.ts'
import { Failure, pass, publishAll, quiet, steady, untilEmpty, world } from './helpers.ts'

const escaped: unknown[] = []
const note = (error: unknown): void => void escaped.push(error)

beforeEach(() => {
  escaped.length = 0
  process.on('unhandledRejection', note)
})

afterEach(async () => {
  await quiet()
  process.off('unhandledRejection', note)
  expect(escaped).toEqual([])
})

describe('a handler that', () => {
  it('throws, rejects, or returns a thenable that fails costs an attempt and nothing else', async () => {
    const { base, broker } = world()
    const ways: (() => unknown)[] = [
      () => {
        throw new Failure('thrown')
      },
      () => Promise.reject(new Failure('rejected')),
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- this is what is tested
        then: (_ok: unknown, failed: (error: unknown) => void) => failed(new Failure('thenable')),
      }),
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- this is what is tested
        get then(): unknown {
          throw new Failure('getter')
        },
      }),
      () => Promise.reject(undefined),
    ]
    const consumer = consume({ broker, pattern: 'a' }, ({ payload }) => ways[payload as number]?.(), {
      ...base,
      exhausted: 'discard',
      retry: { attempts: 1 },
    })

    await publishAll(broker, 'a', range(0, 6))
    await untilEmpty(consumer)

    expect(consumer.ledger()).toMatchObject({ discarded: 5, handled: 1, attempts: { failed: 5 } })
  })

  it('does not settle is given up at its deadline, and what it returns later is ignored and reported', async () => {
    const { base, broker, clock, ear } = world()
    const gate = new Gate()
    const aborted: unknown[] = []
    const got: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'a' },
      async ({ payload }, { attempt, signal }) => {
        got.push([payload, attempt])
        if (payload !== 1 || attempt > 1) return
        signal.addEventListener('abort', () => aborted.push(signal.reason))
        await gate.opened
      },
      { ...base, deadlineMs: 1000, retry: steady },
    )

    await publishAll(broker, 'a', [1, 2])
    await pass(clock, 999)
    expect(got).toEqual([[1, 1]])
    await pass(clock, 1)
    expect(got).toEqual([
      [1, 1],
      [2, 1],
    ])
    expect(aborted).toMatchObject([{ code: 'SPW_HANDLER_DEADLINE', deadlineMs: 1000 }])
    expect(consumer.ledger()).toMatchObject({ attempts: { expired: 1, abandoned: 1, failed: 1 } })

    await pass(clock, 100)
    expect(got.at(-1)).toEqual([1, 2])
    expect(ear.of('lateResult')).toEqual([])
    gate.open()
    await quiet()

    expect(ear.of('lateResult')).toMatchObject([{ messages: [{ payload: 1 }], error: undefined }])
    expect(consumer.ledger()).toMatchObject({ handled: 2, attempts: { abandoned: 0, started: 3 } })
  })

  it('is one of several unsettled calls has a deadline of its own, whichever of them settle', async () => {
    const { base, broker, clock } = world()
    const gates = range(0, 6).map(() => new Gate())
    const expired: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'a' },
      async ({ payload }, { signal }) => {
        signal.addEventListener('abort', () => expired.push([payload, clock.now() - began]))
        await gates[payload as number]?.opened
      },
      { ...base, concurrency: 6, deadlineMs: 100, exhausted: 'discard', retry: { attempts: 1 } },
    )
    const began = clock.now()
    for (const n of range(0, 6)) {
      await publishAll(broker, 'a', [n])
      await pass(clock, 10)
    }
    for (const settled of [0, 3, 5]) gates[settled]?.open()
    for (let step = 0; step < 12; step++) await pass(clock, 10)

    expect(expired).toEqual([
      [1, 110],
      [2, 120],
      [4, 140],
    ])
    expect(consumer.ledger()).toMatchObject({ handled: 3, discarded: 3, attempts: { abandoned: 3 } })
  })

  it('fails after its deadline is reported, not unhandled', async () => {
    const { base, broker, clock, ear } = world()
    const gate = new Gate()
    consume(
      { broker, pattern: 'a' },
      async (_message, { attempt }) => {
        if (attempt > 1) return
        await gate.opened
        throw new Failure('late')
      },
      { ...base, deadlineMs: 10, retry: steady },
    )

    await publishAll(broker, 'a', [1])
    await pass(clock, 10)
    gate.open()
    await quiet()

    expect(ear.of('lateResult')).toMatchObject([{ error: { message: 'late' } }])
  })

  it('never settles again and again stops the consumer from beginning more, until one does', async () => {
    const { base, broker, clock, ear } = world()
    const gate = new Gate()
    const consumer = consume({ broker, pattern: 'a' }, () => gate.opened, {
      ...base,
      deadlineMs: 10,
      maxAbandoned: 3,
      exhausted: 'discard',
      retry: { attempts: 1 },
    })

    await publishAll(broker, 'a', range(0, 10))
    for (let round = 0; round < 6; round++) await pass(clock, 10)
    expect(consumer.ledger()).toMatchObject({ received: 3, discarded: 3, attempts: { abandoned: 3 } })
    expect(consumer.heldBy).toEqual(['abandoned'])

    gate.open()
    await until(() => consumer.ledger().handled === 7)
    expect(consumer.ledger()).toMatchObject({ received: 10, attempts: { abandoned: 0 } })
    expect(ear.of('released')).toEqual([{ reason: 'abandoned' }])
  })

  it('publishes to its own full block mailbox is refused with SelfBlockError, before and after an await', async () => {
    const { base, broker, ear } = world()
    const source = { broker, pattern: 'a', subscribe: { overflow: 'block', capacity: 1 } } as const
    const cascade = async (payload: unknown): Promise<void> => {
      if (payload !== 0) return
      await broker.publish('a', 1)
      await broker.publish('a', 2)
    }
    const consumer = consume(
      source,
      async ({ payload }) => {
        await Promise.resolve()
        await cascade(payload)
      },
      { ...base, exhausted: 'discard', retry: { attempts: 1 } },
    )

    await publishAll(broker, 'a', [0])
    await untilEmpty(consumer)

    expect(ear.of('discarded')).toMatchObject([{ error: { code: 'SPW_SELF_BLOCK' } }])
    expect(consumer.ledger()).toMatchObject({ received: 2, handled: 1, discarded: 1 })
  })

  it('is a member of a group with a full block mailbox is refused as well', async () => {
    const { base, broker, ear } = world()
    const subscribe = { overflow: 'block', capacity: 1, group: 'g' } as const
    consume(
      { broker, pattern: 'a', subscribe },
      async ({ payload }) => {
        if (payload !== 0) return
        await broker.publish('a', 1)
        await broker.publish('a', 2)
      },
      { ...base, exhausted: 'discard', retry: { attempts: 1 } },
    )

    await publishAll(broker, 'a', [0])
    await until(() => ear.of('discarded').length === 1)

    expect(ear.of('discarded')).toMatchObject([{ error: { code: 'SPW_SELF_BLOCK' } }])
  })

  it('cascades more into its own topic than fits loses nothing unsaid', async () => {
    const { base, broker } = world()
    const consumer = consume(
      { broker, pattern: 'a', subscribe: { capacity: 100 } },
      async ({ payload }) => {
        if (payload === 0) await Promise.all(range(1, 20_001).map((n) => broker.publish('a', n)))
      },
      base,
    )

    await broker.publish('a', 0)
    await until(() => consumer.ledger().handled === 101)
    await untilEmpty(consumer)

    const [mailbox] = broker.ledger().mailboxes
    expect(mailbox).toMatchObject({ routed: 20_001, delivered: 101, dropped: { 'buffer-full': 19_900 } })
  })

  it('ends its own consumer is heard out when it is synchronous, and handed back when it is not', async () => {
    const { base, broker, ear } = world()
    for (const way of ['sync', 'async'] as const) {
      const gate = new Gate()
      const consumer = consume(
        { broker, pattern: way },
        () => {
          void consumer.close()
          return way === 'sync' ? undefined : gate.opened
        },
        base,
      )
      await publishAll(broker, way, [1, 2])
      const report = await consumer.done

      assertConsumerBalanced(consumer.ledger())
      expect(report).toMatchObject(way === 'sync' ? { handled: 1, returned: 0 } : { handled: 0, returned: 1 })
      gate.open()
      await quiet()
      expect(ear.of('lateResult')).toHaveLength(way === 'sync' ? 0 : 1)
    }
  })
})

it('an observer that throws hears of it as callbackError, and nothing else happens', async () => {
  const { broker, clock } = world()
  const heard: unknown[] = []
  const later = (): unknown => Promise.reject(new Failure('later'))
  const consumer = consume(
    { broker, pattern: 'a' },
    () => {
      throw new Failure('handler')
    },
    {
      clock,
      exhausted: 'discard',
      retry: { attempts: 1 },
      observer: {
        handlerError() {
          throw new Failure('observer')
        },
        // An async observer is allowed: its rejection must not escape.
        discarded: later,
        callbackError: ({ callback, error }) => heard.push([callback, (error as Error).message]),
      },
    },
  )

  await publishAll(broker, 'a', [1])
  await untilEmpty(consumer)
  await quiet()

  expect(heard).toEqual([
    ['observer.handlerError', 'observer'],
    ['observer.discarded', 'later'],
  ])
  expect(consumer.ledger().discarded).toBe(1)
})
