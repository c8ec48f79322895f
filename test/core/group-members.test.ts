import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  assertBalanced,
  createBroker,
  GroupConflictError,
  type MemoryBroker,
  type SubscribeOptions,
  type Subscription,
} from '../../src/index.ts'
import { books, endedBooks, Gate, losses, range, takeAll, turn, watch, until } from '../support/watch.ts'
import { random, seed } from '../support/seed.ts'

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

describe('joining and leaving', () => {
  it('loses nothing that is pending when a member leaves', async () => {
    const [first, second] = [join(), join()]
    for (const n of range(0, 5)) await broker.publish('t', n)
    expect(first.poll()?.payload).toBe(0)

    first.close()

    expect([first.poll(), first.pending]).toEqual([undefined, 0])
    expect(takeAll(second)).toEqual(range(1, 5))
  })

  it('hands a message over to another waiting member when the woken one leaves first', async () => {
    const [first, second] = [join(), join()]
    const waits = [watch(first.next()), watch(second.next())]
    await turn()

    void broker.publish('t', 1)
    first.close()
    await turn()

    expect(waits[0]).toMatchObject({ state: 'resolved', value: { done: true } })
    expect(waits[1]?.value?.value?.payload).toBe(1)
  })

  it('drops what is pending as closed when the last member leaves, and starts anew after', async () => {
    const last = join()
    await broker.publish('t', 1)
    await broker.publish('t', 2)
    last.poll()

    last.close()

    expect(endedBooks(broker)).toEqual({
      routed: 2,
      delivered: 1,
      dropped: { closed: 1 },
      pending: 0,
      waiting: 0,
    })
    expect(books(last.ledger())).toMatchObject({ dropped: { closed: 1 } })
    const anew = join({ capacity: 7 })
    await broker.publish('t', 3)
    expect(takeAll(anew)).toEqual([3])
    expect(anew.ledger()).toMatchObject({ routed: 1, capacity: 7 })
  })

  it('keeps the calls of a handler that leaves: they finish, and a drain waits for them', async () => {
    const gate = new Gate()
    let finished = false
    const leaving = broker.subscribe(
      't',
      async () => {
        await gate.opened
        finished = true
      },
      { group: 'g' },
    )
    const stays = join()
    await broker.publish('t', 1)
    await broker.publish('t', 2)

    const drained = watch(leaving.drain())
    const again = watch(leaving.drain())
    await turn()
    expect([drained.state, leaving.closed, finished]).toEqual(['pending', true, false])
    expect(takeAll(stays)).toEqual([2])

    gate.open()
    await turn()
    expect([drained.state, again.state, finished]).toEqual(['resolved', 'resolved', true])
  })

  it('releases publishers that wait for the group when its last member leaves, not before', async () => {
    const [first, second] = [join({ overflow: 'block', capacity: 1 }), join()]
    await broker.publish('t', 1)
    const publish = watch(broker.publish('t', 2))

    first.close()
    await turn()
    expect(publish.state).toBe('pending')
    second.close()
    await turn()
    expect(publish.state).toBe('resolved')
  })

  it('refuses a member with contradicting options, naming the founder and both values', () => {
    const founder = join({ capacity: 5, overflow: 'drop-oldest' })

    const conflict = (): unknown => join({ capacity: 6 })

    expect(conflict).toThrow(GroupConflictError)
    expect(conflict).toThrow(new RegExp(`${founder.id} .*capacity = 5.*capacity = 6`))
    expect(() => join({ overflow: 'block' })).toThrow(/overflow = "drop-oldest".*overflow = "block"/)
    expect(broker.ledger().mailboxes).toHaveLength(1)
    expect(() => join({ capacity: 5 })).not.toThrow()
  })

  it('delivers each message exactly once while members come and go (random)', async () => {
    const next = random(seed)
    const members = new Set<Subscription | Disposable>()
    const seen: unknown[] = []
    const handler = ({ payload }: { payload: unknown }): Promise<void> | undefined => {
      seen.push(payload)
      return next() < 0.5 ? turn() : undefined
    }
    const reader = join({ capacity: 10_000 })
    let published = 0
    for (let step = 0; step < 3000; step++) {
      const choice = next()
      if (choice < 0.6) void broker.publish('t', published++)
      else if (choice < 0.7) members.add(broker.subscribe('t', handler, { group: 'g' }))
      else if (choice < 0.8) members.add(join())
      else if (choice < 0.9) for (const member of members) if ('poll' in member) seen.push(...poll(member))
      if (choice > 0.9) {
        const [leaver] = members
        if (leaver !== undefined) leaver[Symbol.dispose]()
        members.delete(leaver as Subscription)
      }
      if (step % 7 === 0) await turn()
      assertBalanced(broker.ledger())
    }
    for (const member of members) member[Symbol.dispose]()
    await turn()
    seen.push(...takeAll(reader))

    expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(range(0, published))
    expect(losses(reader.ledger())).toEqual({})
  })
})

function poll(member: Subscription): unknown[] {
  const message = member.poll()
  return message === undefined ? [] : [message.payload]
}

describe('draining the broker', () => {
  it('lets the readers and handlers of a group finish what is pending', async () => {
    const gate = new Gate()
    const handled: unknown[] = []
    broker.subscribe(
      't',
      async ({ payload }) => {
        await gate.opened
        handled.push(payload)
      },
      { group: 'g' },
    )
    const reader = join()
    for (const n of range(0, 4)) await broker.publish('t', n)

    const drain = watch(broker.drain())
    expect(reader.poll()?.payload).toBe(1)
    await turn()
    expect(drain.state).toBe('pending')
    gate.open()
    await until(() => drain.state !== 'pending')

    expect(drain.value).toMatchObject({ complete: true, delivered: 3, dropped: 0 })
    expect(handled).toEqual([0, 2, 3])
    expect(reader.closed).toBe(true)
  })
})
