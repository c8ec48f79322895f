import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import {
  assertBalanced,
  BrokerClosedError,
  createBroker,
  InvalidPatternError,
  InvalidTopicError,
  MailboxFullError,
  PublishTimeoutError,
  type Subscription,
} from '../../src/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { endedBooks, losses, range, rejection, takeAll, turn, watch } from '../support/watch.ts'

// What is easy to get wrong when one builds such a broker by hand, exercise by exercise.

describe('task 1: the first broker', () => {
  it('a publish that meets a close loses the copy as closed, and never throws', async () => {
    const broker = createBroker()
    broker.subscribe('t', () => {
      victim.close()
      handler.close()
    })
    const victim = broker.subscribe('t')
    const handler = broker.subscribe('t', () => undefined)

    await expect(broker.publish('t', 1)).resolves.toMatchObject({ routed: true })

    expect(endedBooks(broker)).toMatchObject({ routed: 2, dropped: { closed: 2 } })
  })

  it('a late publish is a rejection, not a crash and not silence', async () => {
    const broker = createBroker()
    await broker.close()

    expect(await rejection(broker.publish('t', 1))).toBeInstanceOf(BrokerClosedError)
  })

  it('a stuck subscriber drops at its default capacity, is counted, and delays nobody', async () => {
    const broker = createBroker()
    const stuck = broker.subscribe('t')
    const seen: unknown[] = []
    broker.subscribe('t', ({ payload }) => void seen.push(payload))

    for (const n of range(0, 5000)) void broker.publish('t', n)

    expect(seen).toEqual(range(0, 5000))
    expect(stuck.ledger()).toMatchObject({ pending: 1024, dropped: { 'buffer-full': 3976 } })
  })
})

describe('task 2: unsubscribing', () => {
  it('twice is the same as once; no message arrives afterwards; the others stay', async () => {
    const broker = createBroker()
    const [leaves, stays] = [broker.subscribe('t'), broker.subscribe('t')]
    await broker.publish('t', 1)

    leaves.close()
    leaves.close()
    await broker.publish('t', 2)

    await expect(leaves.next()).resolves.toMatchObject({ done: true })
    expect(takeAll(stays)).toEqual([1, 2])
    expect(endedBooks(broker)).toMatchObject({ routed: 1, dropped: { closed: 1 } })
  })
})

describe('task 3: policies', () => {
  it('block has a deadline without being asked, and unsubscribing releases whoever waits', async () => {
    const clock = new ManualClock()
    const broker = createBroker({ clock })
    const stuck = broker.subscribe('t', { overflow: 'block', capacity: 1 })
    const publishes = range(0, 3).map((n) => watch(broker.publish('t', n)))

    clock.advance(29_999)
    await turn()
    expect(publishes.map(({ state }) => state)).toEqual(['resolved', 'pending', 'pending'])
    clock.advance(1)
    await turn()
    expect(publishes[1]?.error).toBeInstanceOf(PublishTimeoutError)

    const another = watch(broker.publish('t', 4))
    stuck.close()
    await turn()
    expect(another.state).toBe('resolved')
  })

  it('a second block subscription on a topic is warned of', () => {
    const warnings: string[] = []
    const broker = createBroker({ observer: { warning: ({ code }) => warnings.push(code) } })

    broker.subscribe('orders.paid', { overflow: 'block' })
    broker.subscribe('orders.*', { overflow: 'block' })

    expect(warnings).toEqual(['second-block-subscription'])
  })
})

describe('task 4: isolation', () => {
  it('4 publishers, 4 topics, 100 subscribers each: exact counts', async () => {
    const [topics, subscribers, messages] = [range(0, 4).map((n) => `t${n}`), 100, 200]
    const broker = createBroker()
    const counts = topics.map((watched) =>
      range(0, subscribers).map(() => {
        const seen = new Map<string, number>()
        const done = (async () => {
          const reader = broker.subscribe(watched, { capacity: messages + 8 })
          for await (const { topic, payload } of reader) {
            expect(payload).toMatch(new RegExp(`^from ${topic} `))
            seen.set(topic, (seen.get(topic) ?? 0) + 1)
          }
        })()
        return { watched, seen, done }
      }),
    )

    const publish = async (topic: string): Promise<void> => {
      for (const n of range(0, messages)) {
        await broker.publish(topic, `from ${topic} ${n}`)
        if (n % 17 === 0) await turn()
      }
    }
    await Promise.all(topics.map(publish))
    await broker.drain()
    await Promise.all(counts.flat().map(({ done }) => done))

    for (const { watched, seen } of counts.flat()) expect([...seen]).toEqual([[watched, messages]])
    const copies = topics.length * subscribers * messages
    expect(broker.ledger()).toMatchObject({ published: 800, routed: 800, unrouted: 0, copies })
    expect(endedBooks(broker)).toMatchObject({ routed: copies, delivered: copies, dropped: {} })
  })
})

describe('task 5: cancelling', () => {
  it('an abort removes the subscription, and closing the broker leaves nothing on the signal', async () => {
    const broker = createBroker()
    const controller = new AbortController()
    const aborted = broker.subscribe('t', { signal: controller.signal })
    const { signal } = new AbortController()
    broker.subscribe('t', { signal })

    controller.abort()
    await expect(aborted.next()).resolves.toMatchObject({ done: true })
    await expect(broker.publish('t', 1)).resolves.toMatchObject({ routed: true })
    expect(broker.ledger().mailboxes).toHaveLength(1)
    await broker.close()

    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('an abort in the middle of a publish is a close like any other', async () => {
    const broker = createBroker()
    const controller = new AbortController()
    broker.subscribe('t', () => controller.abort())
    broker.subscribe('t', () => undefined, { signal: controller.signal })

    await expect(broker.publish('t', 1)).resolves.toMatchObject({ routed: true })

    expect(losses(broker.ledger().ended)).toEqual({ closed: 1 })
  })
})

describe('task 6: types', () => {
  it('a typed broker gives the payload of its topic without a cast', async () => {
    const broker = createBroker<{ 'orders.paid': { amount: number }; 'orders.sent': { to: string } }>()
    const reader = broker.subscribe('orders.*')
    await broker.publish('orders.paid', { amount: 3 })

    const message = reader.poll()

    expect(message?.topic === 'orders.paid' ? message.payload.amount : undefined).toBe(3)
  })
})

describe('task 7: publishing with a deadline', () => {
  it('names who stalled by id, and counts the partial outcome', async () => {
    const clock = new ManualClock()
    const broker = createBroker({ clock })
    const readers: Subscription[] = range(0, 3).map(() => broker.subscribe('audit', { capacity: 1 }))
    await broker.publish('audit', 1)
    readers[1]?.poll()

    const publish = watch(broker.publishAndWait('audit', 2, { timeoutMs: 200 }))
    clock.advance(200)
    await turn()

    const { stalled } = publish.error as PublishTimeoutError
    expect(stalled).toEqual([
      { id: readers[0]?.id, pattern: 'audit' },
      { id: readers[2]?.id, pattern: 'audit' },
    ])
    expect(broker.ledger().mailboxes.map((mailbox) => losses(mailbox))).toEqual([
      { timeout: 1 },
      {},
      { timeout: 1 },
    ])
    assertBalanced(broker.ledger())
  })
})

describe('task 8: wildcards', () => {
  it('a wildcard subscription keeps its policy', async () => {
    const broker = createBroker()
    const fail = broker.subscribe('orders.*', { overflow: 'fail', capacity: 1 })
    const oldest = broker.subscribe('orders.>', { overflow: 'drop-oldest', capacity: 1 })
    const drops: unknown[] = []
    broker.subscribe('>', { capacity: 1, onDrop: ({ payload }) => drops.push(payload) })
    await broker.publish('orders.paid', 1)

    const error = await rejection(broker.publish('orders.paid', 2))

    expect(error).toBeInstanceOf(MailboxFullError)
    expect(error).toMatchObject({ subscriptions: [{ id: fail.id, pattern: 'orders.*' }] })
    expect(takeAll(oldest)).toEqual([2])
    expect(drops).toEqual([2])
  })

  it('reaches exactly the patterns that match, each once', async () => {
    const broker = createBroker()
    const patterns = [
      'orders.created.v2',
      'orders.*.v2',
      'orders.>',
      '>',
      'orders.created',
      'orders.created.v3',
      '*',
      'orders.created.v2.>',
    ]
    const readers = patterns.map((pattern) => broker.subscribe(pattern))

    await broker.publish('orders.created.v2', 1)

    expect(readers.map((reader) => takeAll(reader).length)).toEqual([1, 1, 1, 1, 0, 0, 0, 0])
  })

  it('an empty token, an inner > and a wildcard in a topic are refused', async () => {
    const broker = createBroker()

    for (const pattern of ['', 'a..b', '.a', 'a.', 'a.>.b', '>.a', 'a.b*', 'a>']) {
      expect(() => broker.subscribe(pattern)).toThrow(InvalidPatternError)
    }
    for (const topic of ['', 'a..b', 'a.', 'a.*', '>', 'a b']) {
      expect(await rejection(broker.publish(topic, 1))).toBeInstanceOf(InvalidTopicError)
    }
    expect(broker.ledger()).toMatchObject({ published: 0, mailboxes: [] })
  })
})

describe('task 9: queue groups', () => {
  it('overflow of a group follows its policy, is counted, and the publisher hears of it', async () => {
    const broker = createBroker()
    const member = broker.subscribe('t', { group: 'workers', overflow: 'fail', capacity: 1 })
    await broker.publish('t', 1)

    const error = await rejection(broker.publish('t', 2))

    expect(error).toMatchObject({ subscriptions: [{ pattern: 't', group: 'workers' }] })
    expect(losses(member.ledger())).toEqual({ refused: 1 })
  })

  it('a group may be closed while it is being published to', async () => {
    const broker = createBroker()
    const seen: unknown[] = []
    broker.subscribe('t', () => worker.close())
    const worker = broker.subscribe('t', ({ payload }) => void seen.push(payload), { group: 'workers' })

    await expect(broker.publish('t', 1)).resolves.toMatchObject({ routed: true })

    expect(seen).toEqual([])
    expect(losses(broker.ledger().ended)).toEqual({ closed: 1 })
  })
})

describe('the closing checks', () => {
  it('published = delivered + dropped for one subscriber, and the ledger for any number', async () => {
    const broker = createBroker()
    const one = broker.subscribe('one', { capacity: 3 })
    for (const n of range(0, 10)) await broker.publish('one', n)
    takeAll(one)

    const { delivered, dropped } = one.ledger()
    expect(delivered + dropped['buffer-full']).toBe(broker.ledger().published)

    broker.subscribe('two')
    broker.subscribe('two')
    await broker.publish('two', 1)
    await broker.publish('none', 1)
    assertBalanced(broker.ledger())
    expect(broker.ledger()).toMatchObject({ published: 12, unrouted: 1, copies: 12 })
  })
})
