import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  assertBalanced,
  createBroker,
  type MemoryBroker,
  type OverflowPolicy,
  PublishTimeoutError,
  type SubscribeOptions,
} from '../../src/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { losses, range, rejection, takeAll, turn, watch } from '../support/watch.ts'

let clock: ManualClock
let broker: MemoryBroker

beforeEach(() => {
  clock = new ManualClock()
  broker = createBroker({ clock, observer: { warning: () => undefined } })
})

afterEach(async () => {
  assertBalanced(broker.ledger())
  await broker.close()
  assertBalanced(broker.ledger())
  expect(clock.timers).toBe(0)
})

function options(overflow: OverflowPolicy, capacity: number): SubscribeOptions {
  const key = overflow === 'latest' ? { key: ({ payload }: { payload: unknown }) => payload } : {}
  return { ...key, overflow, capacity } as SubscribeOptions
}

async function fill(topic: string, count: number): Promise<void> {
  await Promise.allSettled(range(0, count).map((n) => broker.publish(topic, n)))
}

describe('publishAndWait', () => {
  it('resolves at once when every mailbox has room, and when nobody is there', async () => {
    const reader = broker.subscribe('t')

    await expect(broker.publishAndWait('t', 1)).resolves.toEqual({ level: 'accepted', routed: true })
    await expect(broker.publishAndWait('u', 1)).resolves.toEqual({ level: 'accepted', routed: false })
    expect(takeAll(reader)).toEqual([1])
  })

  it.each<[OverflowPolicy, number]>([
    ['drop-newest', 2],
    ['drop-oldest', 2],
    ['latest', 2],
    ['block', 2],
    ['fail', 2],
    ['disconnect', 2],
    ['drop-newest', 16],
    ['drop-oldest', 16],
    ['fail', 16],
    ['disconnect', 16],
  ])('waits for a full %s mailbox of %i and loses nothing', async (overflow, capacity) => {
    const reader = broker.subscribe('t', options(overflow, capacity))
    await fill('t', capacity)

    const publish = watch(broker.publishAndWait('t', 'last'))
    await turn()
    expect(publish.state).toBe('pending')
    expect(reader.ledger()).toMatchObject({ pending: capacity, waiting: 1 })

    reader.poll()
    await turn()
    expect(publish.state).toBe('resolved')
    expect(takeAll(reader)).toEqual([...range(1, capacity), 'last'])
    expect(losses(reader.ledger())).toEqual({})
    expect(reader.closed).toBe(false)
  })

  it.each<[OverflowPolicy, number, string]>([
    ['drop-newest', 2, 'buffer-full'],
    ['drop-newest', 16, 'buffer-full'],
    ['fail', 2, 'refused'],
    ['fail', 16, 'refused'],
  ])('passes no %s mailbox of %i by that has been full for long', async (overflow, capacity, reason) => {
    const reader = broker.subscribe('t', options(overflow, capacity))
    await fill('t', capacity + 5)

    const publish = watch(broker.publishAndWait('t', 'last'))
    await turn()
    expect(publish.state).toBe('pending')

    reader.poll()
    await turn()
    expect(publish.state).toBe('resolved')
    expect(takeAll(reader)).toEqual([...range(1, capacity), 'last'])
    expect(losses(reader.ledger())).toEqual({ [reason]: 5 })
  })

  it('waits for all mailboxes in parallel, under one deadline', async () => {
    const readers = ['t', '*', '>'].map((pattern) => broker.subscribe(pattern, { capacity: 1 }))
    await fill('t', 1)
    const publish = watch(broker.publishAndWait('t', 'last', { timeoutMs: 100 }))
    expect(broker.ledger().mailboxes.map(({ waiting }) => waiting)).toEqual([1, 1, 1])

    clock.advance(60)
    readers[1]?.poll()
    clock.advance(39)
    await turn()
    expect(publish.state).toBe('pending')
    clock.advance(1)
    await turn()

    expect(publish.error).toBeInstanceOf(PublishTimeoutError)
    const [first, second, third] = readers
    expect(publish.error).toMatchObject({
      stalled: [
        { id: first?.id, pattern: 't' },
        { id: third?.id, pattern: '>' },
      ],
    })
    expect(second?.poll()?.payload).toBe('last')
    expect(readers.map((reader) => losses(reader.ledger()))).toEqual([{ timeout: 1 }, {}, { timeout: 1 }])
  })

  it('takes its own deadline, not that of the block mailbox', async () => {
    broker.subscribe('t', { overflow: 'block', capacity: 1, blockTimeoutMs: 10 })
    await fill('t', 1)

    const publish = watch(broker.publishAndWait('t', 'last', { timeoutMs: 50 }))
    clock.advance(49)
    await turn()
    expect(publish.state).toBe('pending')
    clock.advance(1)
    await turn()
    expect(publish.state).toBe('rejected')
  })

  it('waits 30 s by default and without end when asked', async () => {
    broker.subscribe('t', { capacity: 1 })
    await fill('t', 1)
    const usual = watch(broker.publishAndWait('t', 1))
    const patient = watch(broker.publishAndWait('t', 2, { timeoutMs: Number.POSITIVE_INFINITY }))

    clock.advance(29_999)
    await turn()
    expect(usual.state).toBe('pending')
    clock.advance(1e9)
    await turn()

    expect([usual.state, patient.state]).toEqual(['rejected', 'pending'])
    await broker.close()
    await turn()
    expect(patient.error).toMatchObject({ code: 'SPW_BROKER_CLOSED' })
  })

  it('rejects with PublishTimeoutError and the reason as cause when it is aborted', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const stuck = broker.subscribe('t', { capacity: 1 })
    const open = broker.subscribe('t')
    await fill('t', 1)
    const publish = watch(broker.publishAndWait('t', 'last', { signal }))

    const reason = new Error('enough')
    controller.abort(reason)
    await turn()

    expect(publish.error).toBeInstanceOf(PublishTimeoutError)
    expect(publish.error).toMatchObject({ cause: reason, stalled: [{ id: stuck.id }] })
    expect(losses(stuck.ledger())).toEqual({ aborted: 1 })
    expect(takeAll(open)).toEqual([0, 'last'])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('has no effect when its signal has aborted before', async () => {
    const reader = broker.subscribe('t')
    const reason = new Error('before')

    expect(await rejection(broker.publishAndWait('t', 1, { signal: AbortSignal.abort(reason) }))).toBe(reason)

    expect(reader.pending).toBe(0)
    expect(broker.ledger().published).toBe(0)
  })

  it('refuses a senseless deadline before any effect', async () => {
    broker.subscribe('t')

    for (const timeoutMs of [-1, Number.NaN, '5' as unknown as number]) {
      const error = await rejection(broker.publishAndWait('t', 1, { timeoutMs }))
      expect(error).toMatchObject({ code: 'SPW_INVALID_OPTION', option: 'timeoutMs' })
    }

    expect(broker.ledger().published).toBe(0)
  })

  it('keeps its place: an ordinary publish after it does not overtake', async () => {
    const reader = broker.subscribe('t', { overflow: 'drop-oldest', capacity: 2 })
    await fill('t', 2)
    const insisting = watch(broker.publishAndWait('t', 'insisting'))

    await broker.publish('t', 'ordinary')
    await turn()

    expect(insisting.state).toBe('resolved')
    expect(takeAll(reader)).toEqual(['insisting', 'ordinary'])
    expect(losses(reader.ledger())).toEqual({ 'evicted-oldest': 2 })
  })

  it('insists on the mailboxes it has not reached when a callback publishes meanwhile', async () => {
    let left = 1
    const sizeOf = ({ payload }: { payload: unknown }): number => Number(payload)
    const onDrop = (): void => {
      if (left-- > 0) void broker.publish('t', 1, { headers: { nested: 'yes' } })
    }
    broker.subscribe('t', { capacityBytes: 5, sizeOf, onDrop })
    const full = broker.subscribe('t', { capacity: 1 })
    await broker.publish('t', 1)

    const publish = watch(broker.publishAndWait('t', 99))
    await turn()

    expect(publish.state).toBe('pending')
    expect(full.ledger()).toMatchObject({ waiting: 1, dropped: { 'buffer-full': 1 } })
  })

  it('is offered by a bound publisher too', async () => {
    const reader = broker.subscribe('t', { capacity: 1 })
    const publisher = broker.topic('t')
    await publisher.publishAndWait(1)

    const publish = watch(publisher.publishAndWait(2, { timeoutMs: 5 }))
    clock.advance(5)
    await turn()

    expect(publish.state).toBe('rejected')
    expect(takeAll(reader)).toEqual([1])
  })
})
