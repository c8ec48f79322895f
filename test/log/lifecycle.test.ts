import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { assertBalanced, BrokerClosedError, type Broker, ConcurrentIterationError } from '../../src/index.ts'
import { createLogBroker } from '../../src/log/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { endedBooks, Gate, range, rejection, takeAll, turn, until, watch } from '../support/watch.ts'

async function filled(count: number) {
  const clock = new ManualClock()
  const broker = createLogBroker({ clock, retention: { '>': { ageMs: 1_000_000 } } })
  for (const n of range(0, count)) await broker.publish('t', n)
  return { broker, clock }
}

describe('drain', () => {
  it('of the broker delivers everything appended before it, then ends every reader', async () => {
    const { broker, clock } = await filled(3)
    const got: Record<string, unknown[]> = { loop: [], batches: [], handler: [], polled: [], live: [] }
    const loop = async () => {
      for await (const { payload } of broker.subscribe('t', { from: 'start' })) got['loop']?.push(payload)
    }
    const batches = async () => {
      for await (const batch of broker.subscribe('t', { from: 1 }).batches({ max: 1 }))
        got['batches']?.push(...batch.map(({ payload }) => payload))
    }
    const over = Promise.all([loop(), batches()])
    broker.subscribe('t', async ({ payload }) => void got['handler']?.push(await payload), { from: 'start' })
    broker.subscribe('t', ({ payload }) => void got['live']?.push(payload))
    const polled = broker.subscribe('*', { from: -1 })
    void broker.publish('t', 3)
    const drained = broker.drain()
    const late = rejection(broker.publish('t', 4))
    got['polled'] = takeAll(polled)

    expect(await drained).toMatchObject({ complete: true, dropped: 0 })
    await over
    expect(await late).toBeInstanceOf(BrokerClosedError)
    expect(got).toEqual({
      loop: [0, 1, 2, 3],
      batches: [1, 2, 3],
      handler: [0, 1, 2, 3],
      polled: [2, 3],
      live: [3],
    })
    expect(polled.closed).toBe(true)
    expect(() => broker.subscribe('t', { from: 'start' })).toThrow(BrokerClosedError)
    expect(() => broker.topic('t')).toThrow(BrokerClosedError)
    expect(clock.timers).toBe(0)
    assertBalanced(broker.ledger())
  })

  it('of one reader ends it at the present end; nothing later reaches it, and others go on', async () => {
    const { broker } = await filled(2)
    const reader = broker.subscribe('>', { from: 'start' })
    const other = broker.subscribe('>', { from: 'start' })
    const drained = watch(reader.drain())
    await broker.publish('t', 2)
    await broker.publish('new', 3)

    expect(reader.pending).toBe(2)
    expect(takeAll(reader)).toEqual([0, 1])
    await turn()
    expect(drained.state).toBe('resolved')
    expect(takeAll(other)).toEqual([0, 1, 2, 3])
    expect(other.closed).toBe(false)
  })

  it('of a reader is over when the last record has been taken, by next or in a batch', async () => {
    const { broker } = await filled(2)
    const [one, many] = [broker.subscribe('t', { from: 'start' }), broker.subscribe('t', { from: 'start' })]
    const drained = Promise.all([one.drain(), many.drain()])
    await one.next()
    await many.batches().next()
    expect([one.closed, many.closed]).toEqual([false, true])
    await one.next()
    expect(one.closed).toBe(true)
    await drained
  })

  it('of a reader that waits ends it at once', async () => {
    const { broker } = await filled(0)
    const reader = broker.subscribe('t', { from: 'start' })
    const next = watch(reader.next())
    await reader.drain()
    await turn()
    expect(next.value).toEqual({ value: undefined, done: true })
  })

  it('that nobody reads ends at its deadline, and says that it is not complete', async () => {
    const { broker, clock } = await filled(2)
    broker.subscribe('t', { from: 'start' })
    const drained = watch(broker.drain({ timeoutMs: 20 }))
    clock.advance(20)
    await turn()
    // What a reader leaves behind is in the log: it was not lost.
    expect(drained.value).toEqual({ complete: false, delivered: 0, dropped: 0, durationMs: 20 })
    assertBalanced(broker.ledger())
    expect(await rejection(broker.drain({ timeoutMs: -1 }))).toMatchObject({ name: 'InvalidOptionError' })
  })

  it('waits for the calls of a handler that are under way', async () => {
    const { broker } = await filled(3)
    const gate = new Gate()
    const handled: unknown[] = []
    const handler = async ({ payload }: { payload: unknown }) => {
      await gate.opened
      handled.push(payload)
    }
    broker.subscribe('t', handler, { from: 'start', concurrency: 2 })
    const drained = watch(broker.drain())
    await turn()
    expect(drained.state).toBe('pending')
    gate.open()
    await until(() => drained.state === 'resolved')
    expect(handled).toEqual([0, 1, 2])
  })
})

describe('the end', () => {
  it.each<[string, (broker: Broker, reader: Disposable, controller: AbortController) => unknown]>([
    ['close of the reader', (_, reader) => reader[Symbol.dispose]()],
    ['close of the broker', (broker) => broker.close()],
    ['an aborted signal', (_broker, _reader, controller) => controller.abort()],
  ])('by %s is now: iteration ends normally and nothing more comes', async (_, end) => {
    const { broker, clock } = await filled(3)
    const controller = new AbortController()
    const { signal } = controller
    const reader = broker.subscribe('t', { from: 'start', signal })
    const waiting = broker.subscribe('other', { from: 'end', signal })
    const next = watch(waiting.next())
    const handled: unknown[] = []
    broker.subscribe('t', ({ payload }) => handled.push(payload), { from: 'start', signal })
    expect(reader.poll()?.payload).toBe(0)

    await end(broker, reader, controller)
    if (!waiting.closed) waiting.close()
    await turn()
    expect([reader.closed, reader.pending, reader.poll()]).toEqual([true, 0, undefined])
    expect(await reader.next()).toEqual({ value: undefined, done: true })
    expect(next.value).toEqual({ value: undefined, done: true })
    expect(endedBooks(broker)).toMatchObject({ dropped: {}, pending: 0 })
    await broker.close()
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(clock.timers).toBe(0)
  })

  it('by break ends the reader; a second loop is refused', async () => {
    const { broker } = await filled(3)
    const reader = broker.subscribe('t', { from: 'start' })
    for await (const { payload } of reader) if (payload === 1) break
    expect(reader.closed).toBe(true)
    expect(() => reader[Symbol.asyncIterator]()).toThrow(ConcurrentIterationError)
    expect(broker.ledger().ended).toMatchObject({ routed: 2, delivered: 2 })
  })

  it('of a signal that aborted before is there from the start', async () => {
    const { broker } = await filled(1)
    const reader = broker.subscribe('t', { from: 'start', signal: AbortSignal.abort() })
    expect(reader.closed).toBe(true)
    expect(await reader.next()).toEqual({ value: undefined, done: true })
  })

  it('is idempotent, and the last that the observer hears of', async () => {
    const heard: string[] = []
    const observer = {
      subscribed: () => void heard.push('subscribed'),
      closed: () => void heard.push('closed'),
      draining: () => void heard.push('draining'),
      ended: () => void heard.push('ended'),
      unrouted: () => void heard.push('unrouted'),
    }
    const broker = createLogBroker({ observer })
    broker.subscribe('t', () => undefined, { from: 'start' })
    broker.subscribe('t', () => undefined)
    await broker.publish('t', 1)
    await broker.publish('nobody', 1)
    await Promise.all([broker.drain(), broker.drain(), broker.close()])
    await broker.close()
    await broker[Symbol.asyncDispose]()

    const sorted = ['closed', 'closed', 'draining', 'ended', 'subscribed', 'subscribed']
    expect(heard.toSorted()).toEqual(sorted)
    expect(heard.at(-1)).toBe('ended')
  })
})

describe('a handler with from', () => {
  it('is called in order, as often at once as it allows, and its failures go to the observer', async () => {
    const { broker } = await filled(6)
    const errors: unknown[] = []
    broker.observe({ handlerError: ({ error }) => void errors.push(error) })
    const gate = new Gate()
    const begun: unknown[] = []
    const handler = async ({ payload }: { payload: unknown }) => {
      begun.push(payload)
      await gate.opened
      if (payload === 2) throw new Error('two')
    }
    broker.subscribe('t', handler, { from: 'start', concurrency: 3 })
    await turn()
    expect(begun).toEqual([0, 1, 2])
    gate.open()
    await until(() => begun.length === 6)
    expect(errors).toEqual([new Error('two')])
  })

  it('that publishes what it reads leaves the others their turn', async () => {
    const broker = createLogBroker({ retention: { count: 4 } })
    let calls = 0
    const echo = broker.subscribe('t', () => void (calls++ < 5000 && broker.publish('t', calls)), {
      from: 'start',
      capacity: 2,
    })
    await broker.publish('t', 0)
    let others = 0
    for (; others < 10_000; others++) {
      if (calls > 5000) break
      await Promise.resolve()
    }
    expect(others).toBeGreaterThan(100)
    expect(echo.closed).toBe(false)
    expect(calls).toBe(5001)
  })
})
