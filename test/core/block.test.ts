import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import {
  assertBalanced,
  BrokerClosedError,
  createBroker,
  type MemoryBroker,
  PublishTimeoutError,
  type Subscription,
} from '../../src/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { endedBooks, losses, range, takeAll, turn, watch } from '../support/watch.ts'

const forEver = { overflow: 'block', blockTimeoutMs: Number.POSITIVE_INFINITY } as const

function world(): { clock: ManualClock; broker: MemoryBroker } {
  const clock = new ManualClock()
  return { clock, broker: createBroker({ clock, observer: { warning: () => undefined } }) }
}

describe('publishers that wait', () => {
  it('are admitted first in, first out, one per copy taken', async () => {
    const { broker } = world()
    const reader = broker.subscribe('t', { ...forEver, capacity: 2 })
    const publishes = range(0, 6).map((n) => watch(broker.publish('t', n)))
    const waiting = () => publishes.filter(({ state }) => state === 'pending').length

    await turn()
    expect(waiting()).toBe(4)
    for (const n of range(0, 6)) {
      expect(reader.poll()?.payload).toBe(n)
      await turn()
      expect(waiting()).toBe(Math.max(0, 3 - n))
      assertBalanced(broker.ledger())
    }
  })

  it('are all admitted by a batch that empties the mailbox, as far as there is room', async () => {
    const { broker } = world()
    const reader = broker.subscribe('t', { ...forEver, capacity: 2 })
    const publishes = range(0, 7).map((n) => watch(broker.publish('t', n)))
    const batches = reader.batches()

    const seen: unknown[] = []
    while (seen.length < 7) seen.push(...((await batches.next()).value ?? []).map(({ payload }) => payload))
    await turn()

    expect(seen).toEqual(range(0, 7))
    expect(publishes.every(({ state }) => state === 'resolved')).toBe(true)
  })

  it('are released, without an error, when the subscription closes or its signal aborts', async () => {
    for (const end of ['close', 'abort', 'break'] as const) {
      const { broker, clock } = world()
      const controller = new AbortController()
      const options = { ...forEver, capacity: 1, signal: controller.signal }
      const reader = broker.subscribe('t', { ...options, blockTimeoutMs: 1000 })
      await broker.publish('t', 1)
      const publish = watch(broker.publish('t', 2))

      if (end === 'close') reader.close()
      else if (end === 'abort') controller.abort()
      else await reader.return()
      await turn()

      expect(publish).toMatchObject({ state: 'resolved', value: { routed: true } })
      expect(clock.timers).toBe(0)
      expect(endedBooks(broker)).toMatchObject({ routed: 2, delivered: 0, dropped: { closed: 2 } })
    }
  })

  it('reject with BrokerClosedError when the broker closes', async () => {
    const { broker, clock } = world()
    broker.subscribe('t', { overflow: 'block', capacity: 1 })
    await broker.publish('t', 1)
    const publish = watch(broker.publish('t', 2))

    await broker.close()
    await turn()

    expect(publish.error).toBeInstanceOf(BrokerClosedError)
    expect(clock.timers).toBe(0)
    expect(endedBooks(broker)).toMatchObject({ routed: 2, dropped: { closed: 2 } })
  })

  it('wait for several mailboxes at once, each with its own deadline', async () => {
    const { broker, clock } = world()
    const slow = { overflow: 'block', capacity: 1 } as const
    const first = broker.subscribe('a.b', { ...slow, blockTimeoutMs: 100 })
    const second = broker.subscribe('a.*', { ...slow, blockTimeoutMs: 200, group: 'g' })
    const third = broker.subscribe('>', { ...slow, blockTimeoutMs: 300 })
    await broker.publish('a.b', 1)
    const publish = watch(broker.publish('a.b', 2))

    clock.advance(100)
    expect(losses(first.ledger())).toEqual({ timeout: 1 })
    third.poll()
    clock.advance(99)
    await turn()
    expect(publish.state).toBe('pending')
    clock.advance(1)
    await turn()

    expect(publish.error).toBeInstanceOf(PublishTimeoutError)
    expect(publish.error).toMatchObject({
      topic: 'a.b',
      stalled: [
        { id: first.id, pattern: 'a.b' },
        { pattern: 'a.*', group: 'g' },
      ],
      refused: [],
    })
    expect([second.ledger(), third.ledger()].map(losses)).toEqual([{ timeout: 1 }, {}])
    expect(takeAll(third)).toEqual([2])
    expect(clock.timers).toBe(0)
  })

  it('give up with the reason of their signal, and leave no listener behind', async () => {
    const { broker, clock } = world()
    const controller = new AbortController()
    const { signal } = controller
    const reader = broker.subscribe('t', { overflow: 'block', capacity: 1 })
    await broker.publish('t', 1, { signal })
    const publishes = range(0, 3).map((n) => watch(broker.publish('t', n, { signal })))
    expect(reader.ledger().waiting).toBe(3)

    const reason = new Error('enough')
    controller.abort(reason)
    await turn()

    expect(publishes.map(({ error }) => error)).toEqual([reason, reason, reason])
    expect(losses(reader.ledger())).toEqual({ aborted: 3 })
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(clock.timers).toBe(0)
  })

  it('leave no listener behind when they are admitted', async () => {
    const { broker } = world()
    const { signal } = new AbortController()
    const reader = broker.subscribe('t', { overflow: 'block', capacity: 1 })
    await broker.publish('t', 1)
    const publish = broker.publish('t', 2, { signal })

    reader.poll()
    await publish

    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('count a fail mailbox of the same publish as refused beside the stalled', async () => {
    const { broker, clock } = world()
    const stuck = broker.subscribe('t', { overflow: 'block', capacity: 1 })
    const full = broker.subscribe('t', { overflow: 'fail', capacity: 1 })
    await broker.publish('t', 1)
    const publish = watch(broker.publish('t', 2))

    clock.advance(30_000)
    await turn()

    expect(publish.error).toMatchObject({ stalled: [{ id: stuck.id }], refused: [{ id: full.id }] })
  })

  it('expire by the thousand in no more than linear time', async () => {
    const { broker, clock } = world()
    const reader = broker.subscribe('t', { overflow: 'block', capacity: 1, blockTimeoutMs: 100 })
    const publishes = range(0, 2001).map((n) => watch(broker.publish('t', n)))

    clock.advance(100)
    await turn()

    expect(publishes.filter(({ state }) => state === 'rejected').length).toBe(2000)
    expect(reader.ledger()).toMatchObject({ pending: 1, waiting: 0, dropped: { timeout: 2000 } })
  })
})

describe('a second block subscription', () => {
  it('on a topic that both match warns once, naming both', () => {
    const warnings: string[] = []
    const broker = createBroker({
      observer: { warning: ({ code, text }) => warnings.push(`${code}: ${text}`) },
    })
    broker.subscribe('a.*', { overflow: 'block' })
    broker.subscribe('b', { overflow: 'block' })
    broker.subscribe('a.b')
    expect(warnings).toEqual([])

    const second = broker.subscribe('*.b', { overflow: 'block' })

    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('second-block-subscription')
    for (const name of ['"a.*"', '"*.b"', second.id]) expect(warnings[0]).toContain(name)
  })

  it('does not warn for members of one group, but does for the group beside another', () => {
    const warnings: string[] = []
    const broker = createBroker({ observer: { warning: ({ text }) => warnings.push(text) } })
    broker.subscribe('t', { overflow: 'block', group: 'g' })
    broker.subscribe('t', { overflow: 'block', group: 'g' })
    expect(warnings).toEqual([])

    broker.subscribe('t', { overflow: 'block', group: 'h' })

    expect(warnings).toHaveLength(1)
  })

  it('works even when the observer of the warning closes the first', async () => {
    const broker = createBroker({ observer: { warning: () => first.close() } })
    const first: Subscription = broker.subscribe('t', { overflow: 'block' })
    const second = broker.subscribe('t', { overflow: 'block' })

    await expect(broker.publish('t', 1)).resolves.toMatchObject({ routed: true })
    expect(takeAll(second)).toEqual([1])
  })
})
