import { describe, expect, it } from 'vitest'
import { consume } from '../../src/flow/index.ts'
import { Gate, range } from '../support/watch.ts'
import { Failure, pass, publishAll, quiet, steady, untilEmpty, world } from './helpers.ts'

describe('a circuit', () => {
  it('opens after failures in a row; nothing is begun, retries included, until a probe succeeds', async () => {
    const { base, broker, clock, ear } = world()
    let broken = true
    const got: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'a' },
      ({ payload }) => {
        got.push(payload)
        if (broken) throw new Failure('down')
      },
      { ...base, circuit: { failures: 3, openMs: 1000 }, retry: { ...steady, attempts: 50 } },
    )

    await publishAll(broker, 'a', [1, 2, 3, 4, 5])
    await quiet()
    expect(got).toEqual([1, 2, 3])
    expect(consumer.heldBy).toEqual(['circuit'])
    expect(consumer.state).toBe('held')

    await pass(clock, 999)
    expect(got).toHaveLength(3)
    await pass(clock, 1) // one probe, which fails
    expect(got).toHaveLength(4)
    await pass(clock, 1999)
    expect(got).toHaveLength(4)

    broken = false
    await pass(clock, 1)
    await untilEmpty(consumer)
    expect(consumer.state).toBe('running')
    expect(consumer.ledger()).toMatchObject({ handled: 5, attempts: { started: 9, failed: 4 } })
    expect([ear.of('held'), ear.of('released')]).toEqual([[{ reason: 'circuit' }], [{ reason: 'circuit' }]])
  })

  it('lets as many probes through as it is told, and needs all of them', async () => {
    const { base, broker, clock } = world()
    const gates = new Map<unknown, Gate>()
    let started = 0
    const consumer = consume(
      { broker, pattern: 'a' },
      async ({ payload }) => {
        started++
        if (payload === 0) throw new Failure('down')
        const gate = new Gate()
        gates.set(payload, gate)
        await gate.opened
      },
      {
        ...base,
        concurrency: 5,
        exhausted: 'discard',
        retry: { attempts: 1 },
        circuit: { failures: 1, openMs: 10, probes: 2 },
      },
    )

    await publishAll(broker, 'a', [0])
    await quiet()
    await publishAll(broker, 'a', range(1, 9))
    await pass(clock, 10)
    expect(started).toBe(3)
    gates.get(1)?.open()
    await quiet()
    expect(consumer.heldBy).toEqual(['circuit'])
    gates.get(2)?.open()
    await quiet()
    expect(consumer.heldBy).toEqual([])
    expect(started).toBe(8)
  })

  it('is not closed by an attempt that had begun before it opened', async () => {
    const { base, broker, clock } = world()
    const gate = new Gate()
    const probe = new Gate()
    const consumer = consume(
      { broker, pattern: 'a' },
      async ({ payload }) => {
        if (payload === 'bad') throw new Failure('bad')
        await (payload === 'early' ? gate : probe).opened
      },
      {
        ...base,
        concurrency: 5,
        exhausted: 'discard',
        retry: { attempts: 1 },
        circuit: { failures: 1, openMs: 10 },
      },
    )

    await publishAll(broker, 'a', ['early', 'bad'])
    await quiet()
    await publishAll(broker, 'a', ['probe', 'waits'])
    await pass(clock, 10)
    expect(consumer.ledger()).toMatchObject({ attempts: { started: 3 } })
    gate.open()
    await quiet()
    expect(consumer.heldBy).toEqual(['circuit'])
    expect(consumer.ledger()).toMatchObject({ handled: 1, attempts: { started: 3 } })
    probe.open()
    await untilEmpty(consumer)
    expect(consumer.ledger()).toMatchObject({ handled: 3 })
  })

  it('opens at a share of failures', async () => {
    const { base, broker } = world()
    const consumer = consume(
      { broker, pattern: 'a' },
      ({ payload }) => {
        if ((payload as number) % 2 === 0) throw new Failure('every other')
      },
      { ...base, exhausted: 'discard', retry: { attempts: 1 }, circuit: { rate: 0.5, window: 10 } },
    )

    await publishAll(broker, 'a', range(0, 30))
    await quiet()
    expect(consumer.ledger()).toMatchObject({ received: 11, handled: 5, discarded: 6 })
    expect(consumer.heldBy).toEqual(['circuit'])
  })
})

describe('a rate', () => {
  it('lets a burst through and then so many per second', async () => {
    const { base, broker, clock } = world()
    const got: unknown[] = []
    const subscription = broker.subscribe('a')
    consume(subscription, ({ payload }) => got.push(payload), {
      ...base,
      exhausted: 'discard',
      rate: { perSecond: 10, burst: 3 },
    })

    await publishAll(broker, 'a', range(0, 20))
    await quiet()
    expect(got).toEqual([0, 1, 2])
    await pass(clock, 99)
    expect(got).toHaveLength(3)
    await pass(clock, 1)
    expect(got).toHaveLength(4)
    for (let step = 0; step < 10; step++) await pass(clock, 100)
    expect(got).toEqual(range(0, 14))
    expect(subscription.pending).toBe(6)
    await pass(clock, 60_000) // the mailbox is empty after it: quiet time earns a burst and no more
    await publishAll(broker, 'a', range(20, 30))
    await quiet()
    expect(got).toHaveLength(23)
  })

  it('does not lose what waits in the mailbox when the consumer drains', async () => {
    const { base, broker, clock } = world()
    const consumer = consume({ broker, pattern: 'a' }, () => undefined, {
      ...base,
      rate: { perSecond: 10, burst: 1 },
    })

    await publishAll(broker, 'a', range(0, 5))
    const drained = consumer.drain()
    for (let step = 0; step < 5; step++) await pass(clock, 100)

    expect(await drained).toMatchObject({ complete: true })
    expect(consumer.ledger()).toMatchObject({ handled: 5 })
  })
})

describe('pause', () => {
  it('begins nothing until resume, also no retries, and takes at most what was asked for', async () => {
    const { base, broker, clock, ear } = world()
    const got: unknown[] = []
    const subscription = broker.subscribe('a')
    const consumer = consume(
      subscription,
      ({ payload }, { attempt }) => {
        got.push(payload)
        if (payload === 1 && attempt === 1) throw new Failure('once')
      },
      { ...base, exhausted: 'discard', retry: steady },
    )

    await publishAll(broker, 'a', [1])
    await quiet()
    consumer.pause()
    consumer.pause()
    expect(consumer.state).toBe('held')
    await publishAll(broker, 'a', [2, 3, 4])
    await pass(clock, 1000)
    expect(got).toEqual([1])
    expect(subscription.pending).toBe(2)
    expect(consumer.ledger().inFlight).toMatchObject({ parked: 1, queued: 1 })

    consumer.resume()
    consumer.resume()
    await untilEmpty(consumer)
    expect(new Set(got)).toEqual(new Set([1, 2, 3, 4]))
    expect(consumer.ledger().handled).toBe(4)
    expect([ear.of('held'), ear.of('released')]).toEqual([[{ reason: 'paused' }], [{ reason: 'paused' }]])
  })
})

describe('middleware', () => {
  it('runs around each attempt, the first outermost, and sees what the handler throws', async () => {
    const { base, broker, clock } = world()
    const steps: string[] = []
    consume(
      { broker, pattern: 'a' },
      (_message, { attempt }) => {
        steps.push(`handler ${attempt}`)
        if (attempt === 1) throw new Failure('once')
      },
      {
        ...base,
        retry: steady,
        use: ['outer', 'inner'].map((name) => async (_message, { attempt }, next) => {
          steps.push(`${name} ${attempt}`)
          try {
            await next()
            steps.push(`${name} done`)
          } catch (error) {
            steps.push(`${name} ${(error as Error).message}`)
            throw error
          }
        }),
      },
    )

    await publishAll(broker, 'a', [1])
    await pass(clock, 100)

    expect(steps).toEqual([
      ...['outer 1', 'inner 1', 'handler 1', 'inner once', 'outer once'],
      ...['outer 2', 'inner 2', 'handler 2', 'inner done', 'outer done'],
    ])
  })

  it('that does not call next counts the message as handled; one that throws fails the attempt', async () => {
    const { base, broker } = world()
    const got: unknown[] = []
    const consumer = consume({ broker, pattern: 'a' }, ({ payload }) => got.push(payload), {
      ...base,
      exhausted: 'discard',
      retry: { attempts: 1 },
      use: [
        ({ payload }, _context, next) => {
          if (payload === 2) throw new Failure('two')
          return payload === 1 ? undefined : next()
        },
      ],
    })

    await publishAll(broker, 'a', [1, 2, 3])
    await untilEmpty(consumer)

    expect(got).toEqual([3])
    expect(consumer.ledger()).toMatchObject({ handled: 2, discarded: 1 })
  })
})
