import { describe, expect, it } from 'vitest'
import {
  assertBalanced,
  createBroker,
  type DropReason,
  type OverflowOptions,
  type SubscribeOptions,
  type Subscription,
} from '../../src/index.ts'
import { endedBooks, losses, range, takeAll } from '../support/watch.ts'

const evicting: readonly OverflowOptions<{ payload: unknown }>[] = [
  { overflow: 'drop-oldest' },
  { overflow: 'latest', key: ({ payload }) => payload },
]

describe('onDrop', () => {
  it('gets the message and the reason, on the turn of the publisher', async () => {
    const broker = createBroker()
    const drops: (readonly [unknown, DropReason])[] = []
    const onDrop: SubscribeOptions['onDrop'] = ({ payload }, reason) => drops.push([payload, reason])
    const newest = broker.subscribe('t', { capacity: 1, onDrop })
    const oldest = broker.subscribe('t', { capacity: 1, overflow: 'drop-oldest', onDrop })
    const latest = broker.subscribe('t', { capacity: 1, overflow: 'latest', key: () => 'one', onDrop })
    await broker.publish('t', 1)

    void broker.publish('t', 2)

    expect(drops).toEqual([
      [2, 'buffer-full'],
      [1, 'evicted-oldest'],
      [1, 'superseded'],
    ])
    expect([newest, oldest, latest].map((reader) => reader.poll()?.payload)).toEqual([1, 2, 2])
  })

  it('hears of refused, timed-out, aborted and disconnected copies and of those lost at the end', async () => {
    const broker = createBroker()
    const heard: string[] = []
    const hear = (name: string) => ({
      capacity: 1,
      onDrop: ({ payload }: { payload: number }, reason: DropReason) =>
        heard.push(`${name} ${payload} ${reason}`),
    })
    const controller = new AbortController()
    broker.subscribe('fail', { ...hear('fail'), overflow: 'fail' })
    broker.subscribe('block', { ...hear('block'), overflow: 'block', blockTimeoutMs: 0 })
    broker.subscribe('cut', { ...hear('cut'), overflow: 'disconnect' })
    const wait = { overflow: 'block', blockTimeoutMs: Number.POSITIVE_INFINITY } as const
    const patient = broker.subscribe('wait', { ...hear('wait'), ...wait })
    for (const topic of ['fail', 'block', 'cut', 'wait']) await broker.publish(topic, 1)

    const { signal } = controller
    const publishes = [
      broker.publish('fail', 2),
      broker.publish('block', 2),
      broker.publish('cut', 2),
      broker.publish('wait', 2, { signal }),
      broker.publish('wait', 3),
    ]
    controller.abort(new Error('enough'))
    const settled = Promise.allSettled(publishes)
    patient.close()
    await settled

    expect(heard.toSorted()).toEqual([
      'block 2 timeout',
      'cut 1 disconnected',
      'cut 2 disconnected',
      'fail 2 refused',
      'wait 1 closed',
      'wait 2 aborted',
      'wait 3 closed',
    ])
    await broker.close()
    assertBalanced(broker.ledger())
  })

  it('may throw: the observer hears it, the publisher does not', async () => {
    const failures: unknown[] = []
    const broker = createBroker({ observer: { callbackError: (event) => failures.push(event) } })
    const error = new Error('from onDrop')
    broker.subscribe('t', {
      capacity: 1,
      onDrop: () => {
        throw error
      },
    })
    const other = broker.subscribe('t')
    await broker.publish('t', 1)

    await expect(broker.publish('t', 2)).resolves.toEqual({ level: 'accepted', routed: true })

    expect(failures).toEqual([{ callback: 'onDrop', error }])
    expect(takeAll(other)).toEqual([1, 2])
  })

  it('may close its own subscription', async () => {
    const broker = createBroker()
    const reader: Subscription = broker.subscribe('t', { capacity: 2, onDrop: () => reader.close() })
    for (const n of range(0, 3)) await broker.publish('t', n)

    expect(reader.closed).toBe(true)
    expect(endedBooks(broker)).toMatchObject({ routed: 3, dropped: { 'buffer-full': 1, closed: 2 } })
  })

  it.each(evicting)(
    'may close its own subscription under $overflow, which then delivers nothing',
    async (policy) => {
      const broker = createBroker()
      const reader: Subscription = broker.subscribe('t', {
        ...policy,
        capacity: 1,
        onDrop: () => reader.close(),
      } as SubscribeOptions)
      await broker.publish('t', 1)
      await broker.publish('t', 2)

      expect(reader.poll()).toBeUndefined()
      await expect(reader.next()).resolves.toMatchObject({ done: true })
      expect(endedBooks(broker)).toEqual({
        routed: 2,
        delivered: 0,
        dropped: { 'evicted-oldest': 1, closed: 1 },
        pending: 0,
        waiting: 0,
      })
    },
  )

  it.each(evicting)(
    'may publish to its own topic under $overflow without overtaking the message that pushed',
    (policy) => {
      const broker = createBroker()
      let left = 1
      const onDrop = (): void => {
        if (left-- > 0) void broker.publish('t', 'nested')
      }
      const reader = broker.subscribe('t', { ...policy, capacity: 3, onDrop } as SubscribeOptions)
      const calm = broker.subscribe('t')

      for (const n of range(1, 5)) void broker.publish('t', n)

      expect(takeAll(calm)).toEqual([1, 2, 3, 4, 'nested'])
      expect(takeAll(reader)).toEqual([3, 4, 'nested'])
      assertBalanced(broker.ledger())
    },
  )

  it('publishing to its own full mailbox once per drop comes to an end', () => {
    const broker = createBroker()
    let published = 0
    const onDrop = (): void => {
      if (published < 200) void broker.publish('t', `nested ${published++}`)
    }
    const newest = broker.subscribe('t', { capacity: 1, onDrop })
    const oldest = broker.subscribe('t', { capacity: 1, overflow: 'drop-oldest', onDrop })

    void broker.publish('t', 1)
    void broker.publish('t', 2)

    assertBalanced(broker.ledger())
    expect(published).toBe(200)
    expect(newest.ledger()).toMatchObject({ routed: 202, pending: 1 })
    expect(oldest.ledger()).toMatchObject({ routed: 202, pending: 1 })
  })

  it('may publish elsewhere, subscribe, and read its own mailbox', async () => {
    const broker = createBroker()
    const audit = broker.subscribe('audit')
    const added: Subscription[] = []
    const reader: Subscription = broker.subscribe('t', {
      capacity: 1,
      onDrop: ({ payload }, reason) => {
        void broker.publish('audit', { payload, reason })
        added.push(broker.subscribe('t'))
        reader.poll()
        assertBalanced(broker.ledger())
      },
    })

    for (const n of range(0, 4)) await broker.publish('t', n)

    expect(takeAll(audit)).toEqual([
      { payload: 1, reason: 'buffer-full' },
      { payload: 3, reason: 'buffer-full' },
    ])
    expect(added.map((each) => takeAll(each))).toEqual([[2, 3], []])
  })

  it('sees a balanced ledger whatever makes it run', async () => {
    const broker = createBroker()
    const reasons = new Set<DropReason>()
    const onDrop = (_: unknown, reason: DropReason): void => {
      reasons.add(reason)
      assertBalanced(broker.ledger())
    }
    const failures: unknown[] = []
    broker.observe({ callbackError: ({ error }) => failures.push(error) })
    const closing = broker.subscribe('t', { capacity: 2, onDrop })
    broker.subscribe('t', { capacity: 1, overflow: 'disconnect', onDrop })
    broker.subscribe('t', { capacity: 1, overflow: 'drop-oldest', onDrop })
    const member = broker.subscribe('t', { group: 'g', capacity: 1, onDrop })
    broker.subscribe('t', () => undefined, { delivery: 'queued', capacity: 1, onDrop })

    for (const n of range(0, 3)) void broker.publish('t', n)
    closing.close()
    member.close()
    await broker.close()

    expect(failures).toEqual([])
    expect([...reasons].toSorted()).toEqual(['buffer-full', 'closed', 'disconnected', 'evicted-oldest'])
  })

  it('hears of every drop that the ledger counts, also of a copy under way to a handler that is closed', async () => {
    const broker = createBroker()
    const heard: DropReason[] = []
    broker.subscribe('t', () => later.close())
    const later = broker.subscribe('t', () => undefined, { onDrop: (_, reason) => heard.push(reason) })

    await broker.publish('t', 1)

    expect(losses(broker.ledger().ended)).toEqual({ closed: 1 })
    expect(heard).toEqual(['closed'])
  })
})
