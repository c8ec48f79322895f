import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  assertBalanced,
  createBroker,
  MailboxFullError,
  type MemoryBroker,
  type OverflowOptions,
  SlowSubscriberError,
  type SubscribeOptions,
  type Subscription,
} from '../../src/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { books, endedBooks, range, rejection, takeAll, turn, watch } from '../support/watch.ts'

/**
 * The same claims for every form a mailbox may have inside: a small one is private from the start; from 16 on it is a
 * position in a shared ring, becomes private when it is full, and returns when it has been emptied; an observer of
 * drops keeps it private.
 */
const variants = [
  { form: 'private', capacity: 4, eager: false, returned: false },
  { form: 'private, observed', capacity: 4, eager: true, returned: false },
  { form: 'single', capacity: 1, eager: false, returned: false },
  { form: 'shared', capacity: 16, eager: false, returned: false },
  { form: 'shared, not a power of two', capacity: 21, eager: false, returned: false },
  { form: 'shared, observed', capacity: 16, eager: true, returned: false },
  { form: 'returned to the ring', capacity: 16, eager: false, returned: true },
  { form: 'returned, observed', capacity: 16, eager: true, returned: true },
] as const

describe.each(variants)('a $form mailbox of $capacity', ({ capacity, eager, returned }) => {
  let clock: ManualClock
  let broker: MemoryBroker
  /** Counted before the test proper began. */
  let before: number

  beforeEach(() => {
    clock = new ManualClock()
    broker = createBroker({ clock, observer: eager ? { dropped: () => undefined } : {} })
    before = 0
  })

  afterEach(async () => {
    assertBalanced(broker.ledger())
    await broker.close()
    assertBalanced(broker.ledger())
    expect(clock.timers).toBe(0)
  })

  async function open(policy: OverflowOptions<{ payload: { key: number } }>): Promise<Subscription> {
    const reader = broker.subscribe('t', { ...policy, capacity } as SubscribeOptions)
    if (returned) {
      // A publish that insists makes the full mailbox private without losing anything.
      for (const n of range(0, capacity)) await broker.publish('t', { key: -1 - n })
      const insisting = broker.publishAndWait('t', { key: 0 })
      takeAll(reader)
      await insisting
      before = capacity + 1
    }
    return reader
  }

  /** The books since the test proper began. */
  function since(reader: Subscription): object {
    assertBalanced(broker.ledger())
    const counts = reader.ledger()
    return books({ ...counts, routed: counts.routed - before, delivered: counts.delivered - before })
  }

  it('drop-newest drops the new copy and never makes the publisher wait', async () => {
    const reader = await open({ overflow: 'drop-newest' })

    for (const n of range(0, capacity + 3)) {
      await expect(broker.publish('t', n)).resolves.toEqual({ level: 'accepted', routed: true })
    }

    expect(reader.pending).toBe(capacity)
    const dropped = { 'buffer-full': 3 }
    expect(since(reader)).toEqual({
      routed: capacity + 3,
      delivered: 0,
      dropped,
      pending: capacity,
      waiting: 0,
    })
    expect(takeAll(reader)).toEqual(range(0, capacity))
    expect(since(reader)).toEqual({
      routed: capacity + 3,
      delivered: capacity,
      dropped,
      pending: 0,
      waiting: 0,
    })
  })

  it('drop-newest accepts again as soon as one copy has been taken', async () => {
    const reader = await open({ overflow: 'drop-newest' })
    for (const n of range(0, capacity + 2)) await broker.publish('t', n)

    expect(reader.poll()?.payload).toBe(0)
    await broker.publish('t', 'after')
    await broker.publish('t', 'too late')

    expect(takeAll(reader)).toEqual([...range(1, capacity), 'after'])
    expect(since(reader)).toMatchObject({ delivered: capacity + 1, dropped: { 'buffer-full': 3 } })
  })

  it('drop-oldest keeps the newest, in order', async () => {
    const reader = await open({ overflow: 'drop-oldest' })

    for (const n of range(0, 3 * capacity + 2)) await broker.publish('t', n)

    const dropped = { 'evicted-oldest': 2 * capacity + 2 }
    expect(since(reader)).toMatchObject({ routed: 3 * capacity + 2, dropped, pending: capacity })
    expect(takeAll(reader)).toEqual(range(2 * capacity + 2, 3 * capacity + 2))
    expect(since(reader)).toMatchObject({ delivered: capacity, dropped, pending: 0 })
  })

  it('latest replaces the copy with the same key where it stands, else the oldest goes', async () => {
    const reader = await open({ overflow: 'latest', key: ({ payload }) => payload.key })
    for (const key of range(0, capacity)) await broker.publish('t', { key, version: 1 })

    await broker.publish('t', { key: capacity - 1, version: 2 })
    expect(since(reader)).toMatchObject({ dropped: { superseded: 1 }, pending: capacity })
    await broker.publish('t', { key: capacity, version: 1 })

    expect(since(reader)).toMatchObject({
      routed: capacity + 2,
      dropped: { superseded: 1, 'evicted-oldest': 1 },
      pending: capacity,
    })
    const expected = [...range(0, capacity - 1).map((key) => ({ key, version: 1 }))]
    const all = [...expected, { key: capacity - 1, version: 2 }, { key: capacity, version: 1 }]
    expect(takeAll(reader)).toEqual(all.slice(1))
  })

  it('block makes the publisher wait until there is room', async () => {
    const reader = await open({ overflow: 'block' })
    for (const n of range(0, capacity)) await broker.publish('t', n)

    const publish = watch(broker.publish('t', capacity))
    await turn()
    expect(publish.state).toBe('pending')
    expect(since(reader)).toMatchObject({ routed: capacity + 1, pending: capacity, waiting: 1 })

    expect(reader.poll()?.payload).toBe(0)
    expect(since(reader)).toMatchObject({ delivered: 1, pending: capacity, waiting: 0 })
    await turn()
    expect(publish).toMatchObject({ state: 'resolved', value: { level: 'accepted', routed: true } })
    expect(takeAll(reader)).toEqual(range(1, capacity + 1))
  })

  it('block gives up at its deadline and counts the copy as timeout', async () => {
    const reader = await open({ overflow: 'block', blockTimeoutMs: 250 })
    for (const n of range(0, capacity)) await broker.publish('t', n)

    const publish = watch(broker.publish('t', capacity))
    clock.advance(249)
    await turn()
    expect(publish.state).toBe('pending')
    clock.advance(1)
    await turn()

    expect(publish).toMatchObject({ state: 'rejected', error: { code: 'SPW_PUBLISH_TIMEOUT' } })
    expect(since(reader)).toMatchObject({ dropped: { timeout: 1 }, pending: capacity, waiting: 0 })
    expect(takeAll(reader)).toEqual(range(0, capacity))
  })

  it('block waits without end when the deadline is Infinity', async () => {
    const reader = await open({ overflow: 'block', blockTimeoutMs: Number.POSITIVE_INFINITY })
    for (const n of range(0, capacity)) await broker.publish('t', n)

    const publish = watch(broker.publish('t', capacity))
    clock.advance(1e12)
    await turn()

    expect(publish.state).toBe('pending')
    reader.poll()
    await turn()
    expect(publish.state).toBe('resolved')
  })

  it('fail rejects the publisher, names the mailbox, and the others still get their copy', async () => {
    const reader = await open({ overflow: 'fail' })
    const other = broker.subscribe('*', { capacity: 1000 })
    for (const n of range(0, capacity)) await broker.publish('t', n)

    for (const n of [capacity, capacity + 1]) {
      const error = await rejection(broker.publish('t', n))
      expect(error).toBeInstanceOf(MailboxFullError)
      expect(error).toMatchObject({ topic: 't', subscriptions: [{ id: reader.id, pattern: 't' }] })
    }

    expect(since(reader)).toMatchObject({ dropped: { refused: 2 }, pending: capacity })
    expect(takeAll(other)).toEqual(range(0, capacity + 2))
    expect(takeAll(reader)).toEqual(range(0, capacity))
    await expect(broker.publish('t', 'again')).resolves.toMatchObject({ routed: true })
    expect(takeAll(reader)).toEqual(['again'])
  })

  it('disconnect ends the slow subscription with one SlowSubscriberError', async () => {
    const reader = await open({ overflow: 'disconnect' })
    for (const n of range(0, capacity)) await broker.publish('t', n)
    expect(reader.closed).toBe(false)

    await expect(broker.publish('t', capacity)).resolves.toEqual({ level: 'accepted', routed: true })

    expect(reader.closed).toBe(true)
    expect(reader.poll()).toBeUndefined()
    const error = await rejection(reader.next())
    expect(error).toBeInstanceOf(SlowSubscriberError)
    expect(error).toMatchObject({ subscription: { id: reader.id, pattern: 't' }, capacity })
    await expect(reader.next()).resolves.toEqual({ value: undefined, done: true })
    expect(since(reader)).toEqual({
      routed: capacity + 1,
      delivered: 0,
      dropped: { disconnected: capacity + 1 },
      pending: 0,
      waiting: 0,
    })
    await expect(broker.publish('t', 'late')).resolves.toEqual({ level: 'accepted', routed: false })
  })

  it('counts what is pending at close as closed', async () => {
    const reader = await open({ overflow: 'drop-oldest' })
    for (const n of range(0, capacity + 2)) await broker.publish('t', n)
    reader.poll()

    reader.close()

    expect(reader.pending).toBe(0)
    expect(reader.poll()).toBeUndefined()
    const dropped = { 'evicted-oldest': 2, ...(capacity > 1 ? { closed: capacity - 1 } : {}) }
    expect(since(reader)).toEqual({
      routed: capacity + 2,
      delivered: 1,
      dropped,
      pending: 0,
      waiting: 0,
    })
    expect(endedBooks(broker)).toMatchObject({ dropped })
  })

  it('gives batches what is pending, oldest first, at most max', async () => {
    const reader = await open({ overflow: 'drop-oldest' })
    for (const n of range(0, capacity + 5)) await broker.publish('t', n)

    const batches: unknown[][] = []
    const iterator = reader.batches({ max: 3 })
    while (reader.pending > 0) {
      const { value } = await iterator.next()
      batches.push((value ?? []).map((message) => message.payload))
    }

    expect(batches.flat()).toEqual(range(5, capacity + 5))
    expect(Math.max(...batches.map((batch) => batch.length))).toBe(Math.min(3, capacity))
  })
})
