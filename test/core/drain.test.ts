import { describe, expect, it } from 'vitest'
import { assertBalanced, createBroker, type MemoryBroker } from '../../src/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { endedBooks, Gate, range, rejection, takeAll, turn, watch, until } from '../support/watch.ts'

function world(): { clock: ManualClock; broker: MemoryBroker } {
  const clock = new ManualClock()
  return { clock, broker: createBroker({ clock }) }
}

describe('draining a subscription', () => {
  it('takes nothing new and ends when what is pending has been read', async () => {
    const { broker, clock } = world()
    for (const options of [{}, { capacity: 4 }, { overflow: 'drop-oldest' }] as const) {
      const reader = broker.subscribe('t', options)
      for (const n of range(0, 3)) await broker.publish('t', n)

      const drain = watch(reader.drain())
      await expect(broker.publish('t', 'late')).resolves.toMatchObject({ routed: false })
      assertBalanced(broker.ledger())
      expect(reader.closed).toBe(false)
      expect(takeAll(reader)).toEqual([0, 1, 2])
      await turn()

      expect(drain.state).toBe('resolved')
      expect(reader.closed).toBe(true)
      await expect(reader.next()).resolves.toMatchObject({ done: true })
      expect(clock.timers).toBe(0)
    }
  })

  it('wakes a reader that waits for a message which will not come', async () => {
    const { broker } = world()
    const reader = broker.subscribe('t')
    const loop = watch(
      (async () => {
        for await (const _ of reader);
      })(),
    )
    await turn()

    await reader.drain()
    await turn()

    expect(loop.state).toBe('resolved')
  })

  it('lets publishers in that wait already', async () => {
    const { broker } = world()
    const reader = broker.subscribe('t', { overflow: 'block', capacity: 1 })
    const publishes = range(0, 3).map((n) => watch(broker.publish('t', n)))

    const drain = watch(reader.drain())
    expect(takeAll(reader)).toEqual([0, 1, 2])
    await turn()

    expect([drain, ...publishes].map(({ state }) => state)).toEqual(range(0, 4).map(() => 'resolved'))
  })

  it('gives up at its deadline: the rest is dropped as closed', async () => {
    const { broker, clock } = world()
    const reader = broker.subscribe('t')
    await broker.publish('t', 1)

    const drain = watch(reader.drain({ timeoutMs: 100 }))
    clock.advance(99)
    await turn()
    expect(drain.state).toBe('pending')
    clock.advance(1)
    await turn()

    expect(drain.state).toBe('resolved')
    expect(endedBooks(broker)).toMatchObject({ delivered: 0, dropped: { closed: 1 } })
  })

  it('waits for the calls of its handler, queued or under way', async () => {
    const { broker } = world()
    for (const options of [{}, { delivery: 'queued' }, { concurrency: 2 }] as const) {
      const gate = new Gate()
      let finished = 0
      const handler = broker.subscribe(
        't',
        async () => {
          await gate.opened
          finished++
        },
        options,
      )
      for (const n of range(0, 3)) await broker.publish('t', n)

      const drain = watch(handler.drain())
      await turn()
      expect(drain.state).toBe('pending')
      gate.open()
      await until(() => drain.state !== 'pending')

      expect([finished, handler.closed]).toEqual([3, true])
    }
  })

  it('called from inside its own handler waits for that call too', async () => {
    const { broker } = world()
    const gate = new Gate()
    let drain: ReturnType<typeof watch> | undefined
    const own = broker.subscribe('t', async () => {
      drain = watch(own.drain())
      await gate.opened
    })
    await broker.publish('t', 1)
    await turn()

    expect(drain?.state).toBe('pending')
    gate.open()
    await turn()
    expect(drain?.state).toBe('resolved')
  })

  it('of a later handler during a fan-out still lets it have the message under way', async () => {
    const { broker } = world()
    const gate = new Gate()
    const seen: unknown[] = []
    broker.subscribe('t', ({ payload }) => {
      if (payload === 2) void later.drain()
      assertBalanced(broker.ledger())
    })
    const later = broker.subscribe(
      't',
      ({ payload }) => {
        seen.push(payload)
        return gate.opened
      },
      { concurrency: 2 },
    )
    await broker.publish('t', 1)
    await broker.publish('t', 2)
    assertBalanced(broker.ledger())
    gate.open()
    await turn()

    expect(seen).toEqual([1, 2])
    expect(endedBooks(broker)).toMatchObject({ delivered: 2, dropped: {} })
  })

  it('is idempotent and may be asked for concurrently, before and after the end', async () => {
    const { broker, clock } = world()
    const reader = broker.subscribe('t')
    await broker.publish('t', 1)
    const drains = [watch(reader.drain()), watch(reader.drain())]

    reader.close()
    await Promise.all([reader.drain(), reader[Symbol.asyncDispose]()])

    expect(drains.map(({ state }) => state)).toEqual(['resolved', 'resolved'])
    expect(clock.timers).toBe(0)
  })

  it('refuses a senseless deadline and goes on as before', async () => {
    const { broker } = world()
    const readers = [broker.subscribe('t'), broker.subscribe('t', () => undefined)]

    for (const each of readers) {
      expect(await rejection(each.drain({ timeoutMs: -1 }))).toMatchObject({ code: 'SPW_INVALID_OPTION' })
      expect(each.closed).toBe(false)
    }
  })
})

describe('draining the broker', () => {
  it('refuses what is new, finishes what is inside, and reports', async () => {
    const events: string[] = []
    const clock = new ManualClock()
    const observer = { draining: () => events.push('draining'), ended: () => events.push('ended') }
    const broker = createBroker({ clock, observer })
    const reader = broker.subscribe('t')
    const gate = new Gate()
    broker.subscribe('t', () => gate.opened)
    for (const n of range(0, 3)) await broker.publish('t', n)

    const drain = watch(broker.drain())
    expect(() => broker.subscribe('t')).toThrow(/closed or draining/)
    await expect(broker.publish('t', 'late')).rejects.toThrow(/closed or draining/)
    expect(events).toEqual(['draining'])
    clock.advance(40)
    expect(takeAll(reader)).toEqual([0, 1, 2])
    gate.open()
    await until(() => drain.state !== 'pending')

    expect(drain.value).toEqual({ complete: true, delivered: 5, dropped: 0, durationMs: 40 })
    expect(events).toEqual(['draining', 'ended'])
    expect(clock.timers).toBe(0)
    expect(broker.ledger().mailboxes).toEqual([])
  })

  it('gives a reader that is stuck up at the deadline, and says so', async () => {
    const { broker, clock } = world()
    const stuck = broker.subscribe('t')
    const reads = broker.subscribe('t')
    for (const n of range(0, 4)) await broker.publish('t', n)
    stuck.poll()

    const drain = watch(broker.drain({ timeoutMs: 500 }))
    takeAll(reads)
    clock.advance(500)
    await until(() => drain.state !== 'pending')

    expect(drain.value).toEqual({ complete: false, delivered: 4, dropped: 3, durationMs: 500 })
    expect(endedBooks(broker)).toMatchObject({ routed: 8, delivered: 5, dropped: { closed: 3 } })
  })

  it('keeps its own deadline beside a subscription that drains more patiently', async () => {
    const { broker, clock } = world()
    const reader = broker.subscribe('t')
    const handler = broker.subscribe('t', () => new Promise(() => undefined))
    await broker.publish('t', 1)
    const own = [reader, handler].map((each) => watch(each.drain({ timeoutMs: Number.POSITIVE_INFINITY })))

    const drain = watch(broker.drain({ timeoutMs: 100 }))
    clock.advance(100)
    await turn()

    expect(drain).toMatchObject({ state: 'resolved', value: { complete: false } })
    expect(own.map(({ state }) => state)).toEqual(['resolved', 'resolved'])
  })

  it('is shared by concurrent calls, and close in between ends it', async () => {
    const { broker, clock } = world()
    broker.subscribe('t')
    await broker.publish('t', 1)

    const drains = [watch(broker.drain()), watch(broker.drain())]
    await turn()
    expect(drains.map(({ state }) => state)).toEqual(['pending', 'pending'])
    await broker.close()
    await turn()

    expect(drains[0]?.value).toMatchObject({ complete: false, dropped: 1 })
    expect(drains[1]?.value).toEqual(drains[0]?.value)
    expect(clock.timers).toBe(0)
    await expect(broker.drain()).resolves.toEqual(drains[0]?.value)
  })

  it('of a closed broker is complete at once', async () => {
    const { broker } = world()
    broker.subscribe('t')
    await broker.publish('t', 1)
    await broker.close()

    await expect(broker.drain()).resolves.toMatchObject({ complete: true, delivered: 0, dropped: 0 })
  })

  it('refuses a senseless deadline and can still be drained', async () => {
    const { broker } = world()
    broker.subscribe('t')

    expect(await rejection(broker.drain({ timeoutMs: -1 }))).toMatchObject({ option: 'timeoutMs' })

    await expect(broker.publish('t', 1)).resolves.toMatchObject({ routed: true })
    await broker.close()
    await expect(broker.drain()).resolves.toMatchObject({ complete: true })
  })
})
