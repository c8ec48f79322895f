import { describe, expect, it } from 'vitest'
import {
  BrokerClosedError,
  ConcurrentIterationError,
  createBroker,
  type Subscription,
} from '../../src/index.ts'
import { endedBooks, range, rejection, takeAll, turn, watch, until } from '../support/watch.ts'

describe('iterating', () => {
  it('yields messages in order and ends once when the subscription closes', async () => {
    const broker = createBroker()
    const reader = broker.subscribe('t')
    const seen: unknown[] = []
    const loop = (async () => {
      for await (const { payload } of reader) seen.push(payload)
    })()

    for (const n of range(0, 3)) await broker.publish('t', n)
    await until(() => seen.length === 3)
    reader.close()
    await loop

    expect(seen).toEqual([0, 1, 2])
    await expect(reader.next()).resolves.toEqual({ value: undefined, done: true })
  })

  it('yields arrays with batches, and break closes the subscription', async () => {
    const broker = createBroker()
    const reader = broker.subscribe('t')
    for (const n of range(0, 5)) await broker.publish('t', n)

    for await (const batch of reader.batches({ max: 2 })) {
      expect(batch.map(({ payload }) => payload)).toEqual([0, 1])
      break
    }

    expect(reader.closed).toBe(true)
    expect(endedBooks(broker)).toMatchObject({ delivered: 2, dropped: { closed: 3 } })
  })

  it('is closed by break and by a thrown error', async () => {
    const broker = createBroker()
    const readers = [broker.subscribe('t'), broker.subscribe('t')]
    await broker.publish('t', 1)

    for await (const _ of readers[0] as Subscription) break
    const failing = async (): Promise<void> => {
      for await (const _ of readers[1] as Subscription) throw new Error('of the loop')
    }

    await expect(failing()).rejects.toThrow('of the loop')
    expect(readers.map(({ closed }) => closed)).toEqual([true, true])
    await expect(broker.publish('t', 2)).resolves.toMatchObject({ routed: false })
  })

  it('refuses a second loop, of either kind', () => {
    const broker = createBroker()
    const [first, second] = [broker.subscribe('t'), broker.subscribe('t')]
    first[Symbol.asyncIterator]()
    second.batches()

    for (const reader of [first, second]) {
      expect(() => reader[Symbol.asyncIterator]()).toThrow(ConcurrentIterationError)
      expect(() => reader.batches()).toThrow(ConcurrentIterationError)
      expect(() => reader.batches()).toThrow(reader.id)
    }
  })

  it('serves concurrent calls of next in order, each message once', async () => {
    const broker = createBroker()
    const reader = broker.subscribe('t')
    const calls = range(0, 5).map(() => watch(reader.next()))

    for (const n of range(0, 3)) await broker.publish('t', n)
    await turn()
    expect(calls.map(({ value }) => value?.value?.payload)).toEqual([0, 1, 2, undefined, undefined])
    await broker.publish('t', 3)
    await turn()
    reader.close()
    await turn()

    expect(calls.map(({ value }) => value?.value?.payload)).toEqual([0, 1, 2, 3, undefined])
    expect(calls.every(({ state }) => state === 'resolved')).toBe(true)
  })

  it('settles every waiting next of a reader that closes, however many readers wait beside it', async () => {
    const broker = createBroker()
    // 63 seats are taken, so that this reader's calls wait at two different bells after the message.
    for (const other of range(0, 63).map(() => broker.subscribe('t'))) {
      watch(other.next())
      watch(other.next())
    }
    const reader = broker.subscribe('t')
    const calls = range(0, 3).map(() => watch(reader.next()))
    await broker.publish('t', 1)
    await turn()

    reader.close()
    await turn()

    expect(calls.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved'])
  })

  it('gives siblings arrays that nobody can change under them', async () => {
    const broker = createBroker()
    const [first, second] = [broker.subscribe('t'), broker.subscribe('t')]
    for (const n of range(0, 3)) await broker.publish('t', n)

    const mine = (await first.batches().next()).value
    try {
      ;(mine as unknown[]).reverse()
    } catch {
      // A frozen array may say so.
    }

    const theirs = (await second.batches().next()).value ?? []
    expect(theirs.map(({ payload }) => payload)).toEqual([0, 1, 2])
  })

  it('delivers nothing after the end: poll, next and batches are empty', async () => {
    const broker = createBroker()
    for (const options of [{}, { group: 'g' }, { capacity: 2 }] as const) {
      const reader = broker.subscribe('t', options)
      const batches = reader.batches()
      await broker.publish('t', 1)
      reader.close()
      await broker.publish('t', 2)

      expect(reader.poll()).toBeUndefined()
      await expect(reader.next()).resolves.toMatchObject({ done: true })
      await expect(batches.next()).resolves.toMatchObject({ done: true })
      expect(reader.pending).toBe(0)
    }
  })
})

describe('ending', () => {
  it('close is idempotent, for subscriptions and the broker, and the observer hears it once', async () => {
    const ends: string[] = []
    const broker = createBroker({
      observer: {
        closed: ({ subscription }) => ends.push(subscription.id),
        ended: () => ends.push('broker'),
      },
    })
    const [reader, handler] = [broker.subscribe('t'), broker.subscribe('t', () => undefined)]

    for (const each of [reader, reader, handler]) each.close()
    const other = broker.subscribe('t')
    await Promise.all([broker.close(), broker.close()])
    await broker.close()
    other.close()

    expect(ends).toEqual([reader.id, handler.id, other.id, 'broker'])
  })

  it('of the broker refuses publish with a rejection and subscribe with a throw', async () => {
    const broker = createBroker()
    const publisher = broker.topic('t')
    broker.subscribe('t')
    await broker.publish('t', 1)
    await publisher.publish(2)
    await broker.close()

    for (const publish of [
      () => broker.publish('t', 1),
      () => broker.publish('t', 1, { id: 'x' }),
      () => broker.publishAndWait('t', 1),
      () => publisher.publish(1),
      () => publisher.publishAndWait(1),
    ]) {
      expect(await rejection(publish())).toBeInstanceOf(BrokerClosedError)
    }
    expect(() => broker.subscribe('t')).toThrow(BrokerClosedError)
    expect(broker.ledger().published).toBe(2)
  })

  it('happens at the end of a using block', async () => {
    const broker = createBroker()
    const seen: unknown[] = []
    {
      using reader = broker.subscribe('t')
      await using handler = broker.subscribe('t', ({ payload }) => void seen.push(payload), {
        delivery: 'queued',
      })
      expect([reader.closed, handler.closed]).toEqual([false, false])
      await broker.publish('t', 1)
    }

    expect(seen).toEqual([1])
    expect(broker.ledger().mailboxes).toEqual([])
    await broker[Symbol.asyncDispose]()
    await broker[Symbol.asyncDispose]()
  })

  it('disposing does not throw because somebody closed first', async () => {
    const broker = createBroker()
    const readers = [broker.subscribe('t'), broker.subscribe('t', { group: 'g' })]
    const handler = broker.subscribe('t', () => undefined)
    await broker.close()

    for (const each of [...readers, handler]) {
      each[Symbol.dispose]()
      await each[Symbol.asyncDispose]()
    }
    await expect(broker[Symbol.asyncDispose]()).resolves.toBeUndefined()
  })
})

describe('re-subscribing', () => {
  it('to a pattern that was left begins with the next message', async () => {
    const broker = createBroker()
    const publisher = broker.topic('t')
    for (let round = 0; round < 3; round++) {
      const reader = broker.subscribe('t')
      await publisher.publish(round)
      await broker.publish('t', round)
      expect(takeAll(reader)).toEqual([round, round])
      reader.close()
      await expect(publisher.publish('nobody')).resolves.toMatchObject({ routed: false })
    }
    expect(broker.ledger()).toMatchObject({ published: 9, routed: 6, unrouted: 3, copies: 6 })
  })
})
