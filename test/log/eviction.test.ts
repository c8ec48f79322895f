import { describe, expect, it, vi } from 'vitest'
import { assertBalanced, OffsetEvictedError } from '../../src/index.ts'
import { createLogBroker } from '../../src/log/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { Gate, rejection, takeAll, turn, until, watch } from '../support/watch.ts'

async function fill(broker: { publish(topic: string, payload: unknown): Promise<unknown> }, count: number) {
  for (let n = 0; n < count; n++) await broker.publish('t', n)
}

describe('a reader that retention overtakes', () => {
  it('while it waits rejects once with OffsetEvictedError, then has ended', async () => {
    const broker = createLogBroker({ retention: { count: 2 } })
    const reader = broker.subscribe('t', { from: 'end' })
    const first = watch(reader.next())
    const second = watch(reader.next())
    await turn()
    for (let n = 0; n < 5; n++) void broker.publish('t', n) // in one turn: it cannot read in between
    await turn()

    expect(first.error).toBeInstanceOf(OffsetEvictedError)
    expect(first.error).toMatchObject({ topic: 't', requested: 0, first: 3, next: 5 })
    expect(second).toMatchObject({ state: 'resolved', value: { done: true } })
    expect(reader.closed).toBe(true)
    expect(await reader.next()).toEqual({ value: undefined, done: true })
    assertBalanced(broker.ledger())
  })

  it('while it reads has what came before, then the error', async () => {
    const broker = createLogBroker({ retention: { count: 3 } })
    await fill(broker, 3)
    const got: unknown[] = []
    const loop = async () => {
      for await (const { payload } of broker.subscribe('t', { from: 0 })) {
        got.push(payload)
        if (got.length === 2) await fill(broker, 3)
      }
    }

    expect(await rejection(loop())).toMatchObject({
      name: 'OffsetEvictedError',
      requested: 2,
      first: 3,
      next: 6,
    })
    expect(got).toEqual([0, 1])
    expect(broker.ledger().mailboxes).toEqual([])
  })

  it('between batches hears of it at the next', async () => {
    const broker = createLogBroker({ retention: { count: 3 } })
    await fill(broker, 3)
    const batches = broker.subscribe('t', { from: 0 }).batches({ max: 2 })
    expect((await batches.next()).value).toHaveLength(2)
    await fill(broker, 3)

    expect(await rejection(batches.next())).toBeInstanceOf(OffsetEvictedError)
    expect(await batches.next()).toEqual({ value: undefined, done: true })
  })

  it('and polls finds nothing, is closed, and is told by next', async () => {
    const broker = createLogBroker({ retention: { count: 1 } })
    const reader = broker.subscribe('t', { from: 'start' })
    await fill(broker, 2)

    expect(reader.pending).toBe(1) // what it lost is not before it any more
    expect(reader.poll()).toBeUndefined()
    expect(reader.closed).toBe(true)
    expect(reader.pending).toBe(0)
    expect(await rejection(reader.next())).toBeInstanceOf(OffsetEvictedError)
  })

  it('of one topic has everything that came before the gap, of all topics, in order', async () => {
    const broker = createLogBroker({ retention: { t: { count: 1 }, '>': { count: 9 } } })
    const reader = broker.subscribe('>', { from: 'start' })
    await broker.publish('u', 'u0')
    await broker.publish('t', 't0')
    await broker.publish('u', 'u1')
    await broker.publish('t', 't1')

    const batches = reader.batches()
    expect((await batches.next()).value?.map(({ payload }) => payload)).toEqual(['u0'])
    expect(await rejection(batches.next())).toMatchObject({ topic: 't', requested: 0, first: 1, next: 2 })
  })

  it('by age hears of it too, though nothing was appended', async () => {
    const clock = new ManualClock()
    const broker = createLogBroker({ clock, retention: { ageMs: 100 } })
    await fill(broker, 3)
    const reader = broker.subscribe('t', { from: 'start' })
    expect(reader.poll()?.payload).toBe(0)
    clock.advance(100)

    expect(await rejection(reader.next())).toMatchObject({ requested: 1, first: 3, next: 3 })
  })

  it('with a handler tells the observer', async () => {
    const ended: unknown[] = []
    const observer = { closed: ({ error }: { error: unknown }) => void ended.push(error) }
    const broker = createLogBroker({ retention: { count: 1 }, observer })
    const gate = new Gate()
    const seen: unknown[] = []
    const handler = async ({ payload }: { payload: unknown }) => {
      seen.push(payload)
      await gate.opened
    }
    const subscription = broker.subscribe('t', handler, { from: 'start' })
    await fill(broker, 1)
    await turn()
    await fill(broker, 3)
    expect(subscription.closed).toBe(false)
    gate.open()
    await until(() => subscription.closed)

    expect(seen).toEqual([0])
    expect(ended).toEqual([expect.objectContaining({ name: 'OffsetEvictedError', requested: 1 })])
    assertBalanced(broker.ledger())
  })

  it('with a handler and no observer is not silent', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const broker = createLogBroker({ retention: { count: 1 } })
    const subscription = broker.subscribe('t', () => undefined, { from: 'start' })
    for (let n = 0; n < 3; n++) void broker.publish('t', n)
    await until(() => subscription.closed)

    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('sub-1 on "t" has ended. Offset 0'))
    warn.mockRestore()
  })

  it('is the only one: others that keep up go on', async () => {
    const broker = createLogBroker({ retention: { count: 2 } })
    const slow = broker.subscribe('t', { from: 'start' })
    const quick = broker.subscribe('t', { from: 'start' })
    const got: unknown[] = []
    for (let n = 0; n < 10; n++) {
      await broker.publish('t', n)
      got.push(...takeAll(quick))
    }

    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(await rejection(slow.next())).toBeInstanceOf(OffsetEvictedError)
    expect(quick.closed).toBe(false)
  })
})
