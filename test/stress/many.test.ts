import { describe, expect, it } from 'vitest'
import { assertBalanced, createBroker, sumCounts } from '../../src/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { range, takeAll, turn, until } from '../support/watch.ts'

describe('many subscriptions', () => {
  it('100 000 on as many topics and patterns each get exactly their own message', async () => {
    const broker = createBroker()
    let handled = 0
    const readers = range(0, 100_000).map((n) => {
      const pattern = n % 10 === 0 ? `t.${n}.*` : `t.${n}.x`
      if (n % 2 === 0) return broker.subscribe(pattern, { capacity: 4 })
      broker.subscribe(pattern, ({ payload }) => void (handled += payload === n ? 1 : 0))
      return undefined
    })

    for (const n of range(0, 100_000)) void broker.publish(`t.${n}.x`, n)

    const wrong = readers.filter((reader, n) => reader !== undefined && reader.poll()?.payload !== n)
    expect([handled, wrong.length]).toEqual([50_000, 0])
    assertBalanced(broker.ledger())
    expect(broker.ledger()).toMatchObject({ published: 100_000, copies: 100_000, unrouted: 0 })
    await broker.close()
    expect(broker.ledger().mailboxes).toEqual([])
  }, 60_000)

  it('10 000 on one topic all get every message in order, and end with the broker', async () => {
    const broker = createBroker()
    const readers = range(0, 5000).map(() => broker.subscribe('t'))
    let handled = 0
    for (const n of range(0, 2500)) {
      broker.subscribe('t', ({ payload }) => void (handled += payload))
      broker.subscribe('t', { group: `g${n}`, capacity: 128 })
    }
    const loops = readers.map(async (reader) => {
      const seen: unknown[] = []
      for await (const { payload } of reader) seen.push(payload)
      return seen
    })

    for (const n of range(0, 100)) {
      void broker.publish('t', n)
      if (n % 10 === 0) await turn()
    }
    for (let turns = 0; turns < 200 && readers.some(({ pending }) => pending > 0); turns++) await turn()
    expect(sumCounts(broker.ledger().mailboxes)).toMatchObject({ routed: 1_000_000, pending: 250_000 })
    await broker.close()

    for (const seen of await Promise.all(loops)) expect(seen).toEqual(range(0, 100))
    expect(handled).toBe(2500 * 4950)
    assertBalanced(broker.ledger())
    expect(broker.ledger().ended).toMatchObject({ delivered: 750_000, pending: 0 })
  }, 60_000)

  it('that overflow at different times keep what their policy says', async () => {
    const broker = createBroker()
    const readers = range(0, 2000).map((n) => {
      const overflow = (['drop-newest', 'drop-oldest'] as const)[n % 2] ?? 'drop-newest'
      return {
        overflow,
        capacity: 16 + (n % 50),
        reader: broker.subscribe('t', { overflow, capacity: 16 + (n % 50) }),
      }
    })

    for (const n of range(0, 100)) void broker.publish('t', n)

    for (const { overflow, capacity, reader } of readers) {
      const kept = overflow === 'drop-newest' ? range(0, capacity) : range(100 - capacity, 100)
      expect(takeAll(reader)).toEqual(kept)
    }
    assertBalanced(broker.ledger())
  }, 60_000)
})

describe('storms', () => {
  it('of nested publishes end, in order, without growing the stack', async () => {
    const broker = createBroker()
    const seen: number[] = []
    broker.subscribe('t', ({ payload }) => {
      seen.push(payload)
      if (payload < 50_000) void broker.publish('t', payload + 1)
    })
    const other: number[] = []
    broker.subscribe('*', ({ payload }) => void other.push(payload))

    void broker.publish('t', 0)
    await until(() => seen.length > 50_000)

    expect(seen).toEqual(range(0, 50_001))
    expect(other.toSorted((a, b) => a - b)).toEqual(range(0, 50_001))
    assertBalanced(broker.ledger())
  }, 60_000)

  it('through a chain of topics that each publish to the next end', async () => {
    const broker = createBroker()
    const links = 500
    let ends = 0
    for (const n of range(0, links)) {
      broker.subscribe(`link.${n}`, ({ payload }) => void broker.publish(`link.${n + 1}`, payload))
    }
    broker.subscribe(`link.${links}`, () => void ends++)

    for (const n of range(0, 200)) void broker.publish('link.0', n)
    await turn()

    expect(ends).toBe(200)
    expect(broker.ledger()).toMatchObject({ published: 200 * (links + 1), unrouted: 0 })
    assertBalanced(broker.ledger())
  }, 60_000)

  it('of publishers that wait on one mailbox and give up together take time in proportion', async () => {
    const giveUp = async (waiting: number): Promise<number> => {
      const broker = createBroker({ clock: new ManualClock() })
      const reader = broker.subscribe('t', { overflow: 'block', capacity: 1 })
      await broker.publish('t', 0)
      const controller = new AbortController()
      const { signal } = controller
      const settled = Promise.allSettled(range(0, waiting).map((n) => broker.publish('t', n, { signal })))

      const began = performance.now()
      controller.abort(new Error('enough'))
      await settled

      expect(reader.ledger()).toMatchObject({ waiting: 0, dropped: { aborted: waiting } })
      return performance.now() - began
    }
    await giveUp(4000)

    const small = Math.min(await giveUp(2000), await giveUp(2000), await giveUp(2000))
    const large = await giveUp(32_000)

    // 16 times as many: 16 times the time when it is linear, 256 times when it is quadratic.
    expect(large / small).toBeLessThan(64)
  }, 60_000)
})
