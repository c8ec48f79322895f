import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  assertBalanced,
  createBroker,
  type MemoryBroker,
  type SubscribeOptions,
  type Subscription,
} from '../../src/index.ts'
import { endedBooks, Gate, losses, range, takeAll, turn, watch } from '../support/watch.ts'

let broker: MemoryBroker

beforeEach(() => {
  broker = createBroker()
})

afterEach(async () => {
  assertBalanced(broker.ledger())
  await broker.close()
  assertBalanced(broker.ledger())
})

function join(options: SubscribeOptions = {}): Subscription {
  return broker.subscribe('t', { group: 'g', ...options })
}

describe('a queue group', () => {
  it('gives each message to exactly one member, and to every group and plain subscription', async () => {
    const members = [join(), join(), join()]
    const other = broker.subscribe('t', { group: 'h' })
    const plain = broker.subscribe('t')
    for (const n of range(0, 9)) await broker.publish('t', n)

    const seen: unknown[] = []
    for (let turns = 0; turns < 3; turns++) for (const member of members) seen.push(member.poll()?.payload)

    expect(seen).toEqual(range(0, 9))
    expect(takeAll(other)).toEqual(range(0, 9))
    expect(takeAll(plain)).toEqual(range(0, 9))
    expect(members[0]?.ledger()).toMatchObject({ group: 'g', routed: 9, delivered: 9 })
    expect(broker.ledger().mailboxes).toHaveLength(3)
  })

  it('is one per pattern: the same name on another pattern is another group', async () => {
    const narrow = join()
    const wide = broker.subscribe('*', { group: 'g' })

    await broker.publish('t', 1)

    expect([takeAll(narrow), takeAll(wide)]).toEqual([[1], [1]])
  })

  it('lets idle handlers take turns', async () => {
    const seen: number[][] = [[], [], []]
    for (const list of seen) broker.subscribe('t', ({ payload }) => void list.push(payload), { group: 'g' })

    for (const n of range(0, 9)) await broker.publish('t', n)

    expect(seen.map((list) => list.length)).toEqual([3, 3, 3])
    expect(seen.flat().toSorted((a, b) => a - b)).toEqual(range(0, 9))
  })

  it('runs as many async calls at once as its members allow together', async () => {
    const gates: Gate[] = []
    let running = 0
    let most = 0
    const handled: number[] = []
    for (let member = 0; member < 8; member++) {
      broker.subscribe(
        't',
        async ({ payload }) => {
          most = Math.max(most, ++running)
          const gate = new Gate()
          gates.push(gate)
          await gate.opened
          running--
          handled.push(payload)
        },
        { group: 'g', capacity: 200 },
      )
    }
    for (const n of range(0, 100)) await broker.publish('t', n)
    expect(running).toBe(8)

    while (handled.length < 100) {
      for (const gate of gates.splice(0)) gate.open()
      await turn()
      expect(running).toBeLessThanOrEqual(8)
    }

    expect(most).toBe(8)
    expect(handled.toSorted((a, b) => a - b)).toEqual(range(0, 100))
  })

  it('wakes exactly as many waiting readers as there are messages', async () => {
    const members = range(0, 8).map(() => join())
    const waits = members.map((member) => watch(member.next()))

    for (const n of range(0, 3)) await broker.publish('t', n)
    await turn()

    const served = waits.filter(({ state }) => state === 'resolved')
    expect(served.map(({ value }) => value?.value?.payload)).toEqual([0, 1, 2])
    for (const n of range(3, 8)) await broker.publish('t', n)
    await turn()
    expect(waits.every(({ state }) => state === 'resolved')).toBe(true)
  })

  it('shares a batch fairly: a reader takes its part of what is pending', async () => {
    const [first, second] = [join(), join()]
    for (const n of range(0, 10)) await broker.publish('t', n)

    const one = (await first.batches().next()).value ?? []
    const two = (await second.batches().next()).value ?? []

    expect(one.map(({ payload }) => payload)).toEqual(range(0, 5))
    expect(two.map(({ payload }) => payload)).toEqual(range(5, 8))
  })

  it('applies one policy and one capacity to all its members together', async () => {
    join({ overflow: 'drop-oldest', capacity: 2 })
    const late = join()

    for (const n of range(0, 5)) await broker.publish('t', n)

    expect(late.ledger()).toMatchObject({ overflow: 'drop-oldest', capacity: 2 })
    expect(losses(late.ledger())).toEqual({ 'evicted-oldest': 3 })
    expect(takeAll(late)).toEqual([3, 4])
  })

  it('is disconnected as a whole, and every reader is told once', async () => {
    const members = [join({ overflow: 'disconnect', capacity: 1 }), join()]
    const waiting = members.map((member) => watch(member.next()))
    for (const n of range(0, 4)) void broker.publish('t', n)
    await turn()

    expect(members.map(({ closed }) => closed)).toEqual([true, true])
    for (const { state, error } of waiting) {
      expect(state).toBe('rejected')
      expect(error).toMatchObject({ code: 'SPW_SLOW_SUBSCRIBER' })
    }
    for (const member of members) await expect(member.next()).resolves.toMatchObject({ done: true })
    expect(endedBooks(broker)).toMatchObject({ delivered: 0, dropped: { disconnected: 2 } })
  })

  it('queues every copy when a member asks for queued delivery', async () => {
    const seen: unknown[] = []
    const handler = ({ payload }: { payload: unknown }): void => void seen.push(payload)
    broker.subscribe('t', handler, { group: 'g', delivery: 'queued' })

    const publish = broker.publish('t', 1)

    expect(seen).toEqual([])
    await publish
    await turn()
    expect(seen).toEqual([1])
  })
})

describe('readers beside handlers', () => {
  it('get what the busy handler cannot take, even while they wait', async () => {
    const gate = new Gate()
    broker.subscribe('t', () => gate.opened, { group: 'g' })
    const reader = join()
    await broker.publish('t', 0)
    await broker.publish('t', 1)
    expect(reader.poll()?.payload).toBe(1)
    const waiting = watch(reader.next())
    await turn()

    await broker.publish('t', 2)
    await turn()

    expect(waiting.value?.value?.payload).toBe(2)
  })

  it('get what is pending when the last handler leaves', async () => {
    const gate = new Gate()
    const handler = broker.subscribe('t', () => gate.opened, { group: 'g' })
    const reader = join()
    await broker.publish('t', 0)
    await broker.publish('t', 1)
    expect(reader.poll()?.payload).toBe(1)
    const waiting = watch(reader.next())
    await turn()
    handler.close()

    await broker.publish('t', 2)
    await turn()

    expect(waiting.value?.value?.payload).toBe(2)
  })

  it('get the message under way when the only handler is closed inside the same publish', async () => {
    broker.subscribe('t', () => handler.close())
    const seen: unknown[] = []
    const handler = broker.subscribe('t', ({ payload }) => void seen.push(payload), { group: 'g' })
    const reader = join()

    await broker.publish('t', 1)
    await turn()

    expect([...seen, ...takeAll(reader)]).toEqual([1])
  })
})
