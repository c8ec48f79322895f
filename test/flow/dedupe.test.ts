import { describe, expect, it } from 'vitest'
import { consume } from '../../src/flow/index.ts'
import { Gate } from '../support/watch.ts'
import { Failure, pass, payloadsOf, quiet, steady, untilEmpty, world } from './helpers.ts'

describe('dedupe', () => {
  it('acknowledges and counts what was handled under the same id', async () => {
    const { base, broker, ear } = world()
    const got: unknown[] = []
    const consumer = consume({ broker, pattern: 'a' }, ({ payload }) => got.push(payload), {
      ...base,
      dedupe: true,
    })

    for (const [payload, id] of [
      [1, 'x'],
      [2, 'y'],
      [3, 'x'],
    ] as const)
      await broker.publish('a', payload, { id })
    await untilEmpty(consumer)

    expect(got).toEqual([1, 2])
    expect(consumer.ledger()).toMatchObject({ handled: 2, duplicates: 1 })
    expect(payloadsOf(ear.of('duplicate').map(({ message }) => message))).toEqual([3])
  })

  it('lets a second one wait until it is known what becomes of the first', async () => {
    const { base, broker, clock } = world()
    const got: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'a' },
      ({ payload }) => {
        got.push(payload)
        if (payload === 'bad') throw new Failure('bad')
      },
      { ...base, dedupe: true, exhausted: 'discard', concurrency: 4, retry: { ...steady, attempts: 2 } },
    )

    for (const payload of ['bad', 'second', 'third']) await broker.publish('a', payload, { id: 'x' })
    await quiet()
    expect(got).toEqual(['bad'])
    expect(consumer.ledger().inFlight).toMatchObject({ parked: 1, queued: 2 })
    await pass(clock, 100)
    await untilEmpty(consumer)

    expect(got).toEqual(['bad', 'bad', 'second'])
    expect(consumer.ledger()).toMatchObject({ discarded: 1, handled: 1, duplicates: 1 })
  })

  it('keeps the order of a key while it is not known what becomes of the first, and passes over duplicates', async () => {
    const { base, broker } = world()
    const gate = new Gate()
    const got: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'a' },
      async ({ payload }) => {
        got.push(payload)
        await gate.opened
        if (payload === 1) throw new Failure('bad')
      },
      {
        ...base,
        dedupe: true,
        exhausted: 'discard',
        concurrency: 4,
        orderingKey: () => 'one',
        retry: { attempts: 1 },
      },
    )

    const ids = ['x', 'x', 'x', 'x', 'y']
    for (const [index, id] of ids.entries()) await broker.publish('a', index + 1, { id })
    await quiet()
    expect(consumer.ledger().inFlight).toMatchObject({ running: 1, queued: 4 })
    gate.open()
    await untilEmpty(consumer)

    expect(got).toEqual([1, 2, 5])
    expect(consumer.ledger()).toMatchObject({ discarded: 1, handled: 2, duplicates: 2 })
  })

  it('forgets by time and by count', async () => {
    const { base, broker, clock } = world()
    const consumer = consume({ broker, pattern: 'a' }, () => undefined, {
      ...base,
      dedupe: { count: 2, windowMs: 1000 },
    })
    const publish = async (...ids: string[]): Promise<number> => {
      for (const id of ids) await broker.publish('a', id, { id })
      await quiet()
      return consumer.ledger().duplicates
    }

    expect(await publish('x', 'y', 'x')).toBe(1)
    expect(await publish('z', 'x')).toBe(1) // z pushed x out
    clock.advance(1000)
    expect(await publish('x')).toBe(1)
    expect(await publish('x')).toBe(2)
  })
})
