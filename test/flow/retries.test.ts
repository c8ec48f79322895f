import { describe, expect, it } from 'vitest'
import { assertConsumerBalanced, consume, type Consumer } from '../../src/flow/index.ts'
import { PayloadInvalidError } from '../../src/index.ts'
import { Gate, range } from '../support/watch.ts'
import { Failure, pass, publishAll, quiet, steady, untilEmpty, world } from './helpers.ts'

describe('a handler', () => {
  it('gets every message of its pattern once, in order, and the attempt it is', async () => {
    const { base, broker } = world()
    const got: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'orders.*' },
      ({ payload, topic }, { attempt }) => got.push([topic, payload, attempt]),
      base,
    )

    await broker.publish('orders.created', 1)
    await broker.publish('orders.paid', 2)
    await untilEmpty(consumer)

    expect(got).toEqual([
      ['orders.created', 1, 1],
      ['orders.paid', 2, 1],
    ])
    expect(consumer.ledger()).toMatchObject({ received: 2, handled: 2 })
  })

  it('does not run before whoever starts it has the consumer in hand', async () => {
    const { base, broker } = world()
    const subscription = broker.subscribe('a')
    await publishAll(broker, 'a', [1, 2])
    const states: string[] = []

    const consumer: Consumer = consume(subscription, () => states.push(consumer.state), {
      ...base,
      exhausted: 'discard',
    })
    await untilEmpty(consumer)

    expect(states).toEqual(['running', 'running'])
  })

  it('has as many unsettled calls as concurrency allows, and nothing is taken beyond', async () => {
    const { base, broker } = world()
    const gate = new Gate()
    let running = 0
    let most = 0
    const subscription = broker.subscribe('a', { capacity: 10 })
    const consumer = consume(
      subscription,
      async () => {
        most = Math.max(most, ++running)
        await gate.opened
        running--
      },
      { ...base, concurrency: 3, exhausted: 'discard' },
    )

    await publishAll(broker, 'a', range(0, 10))
    await quiet()
    expect(subscription.pending).toBe(7)
    expect(consumer.ledger().inFlight).toEqual({ queued: 0, running: 3, parked: 0, settling: 0 })

    gate.open()
    await untilEmpty(consumer)
    expect(most).toBe(3)
    expect(consumer.ledger().handled).toBe(10)
  })
})

describe('a failed message', () => {
  it('is tried again after 100 ms, 200 ms and so on, and others go on meanwhile', async () => {
    const { base, broker, clock, ear } = world()
    const got: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'a' },
      ({ payload }, { attempt }) => {
        got.push([payload, attempt])
        if (payload === 1 && attempt < 4) throw new Failure('not yet')
      },
      { ...base, retry: steady },
    )

    await publishAll(broker, 'a', [1, 2])
    await pass(clock, 99)
    expect(got).toEqual([
      [1, 1],
      [2, 1],
    ])
    await pass(clock, 1)
    expect(got.at(-1)).toEqual([1, 2])
    await pass(clock, 199)
    expect(got).toHaveLength(3)
    await pass(clock, 1)
    await pass(clock, 400)

    expect(got.slice(2)).toEqual([
      [1, 2],
      [1, 3],
      [1, 4],
    ])
    expect(consumer.ledger()).toMatchObject({ handled: 2, attempts: { started: 5, failed: 3 } })
    expect(ear.of('handlerError').map(({ next, delayMs }) => [next, delayMs])).toEqual([
      ['retry', 100],
      ['retry', 200],
      ['retry', 400],
    ])
  })

  it('waits no longer than maxMs, and never so long as without chance', async () => {
    const { base, broker, ear } = world()
    consume(
      { broker, pattern: 'a' },
      () => {
        throw new Failure('always')
      },
      { ...base, retry: { firstMs: 100, factor: 10, maxMs: 150, jitter: 1, attempts: 2 } },
    )

    await publishAll(broker, 'a', range(0, 200))
    await quiet()

    const delays = ear.of('handlerError').map(({ delayMs }) => delayMs)
    expect(delays.length).toBe(200)
    expect(Math.max(...delays)).toBeLessThanOrEqual(100)
    expect(new Set(delays).size).toBeGreaterThan(100)
  })

  it('keeps its place in its key, and other keys go on', async () => {
    const { base, broker, clock } = world()
    const got: string[] = []
    const consumer = consume(
      { broker, pattern: 'a' },
      ({ payload }, { attempt }) => {
        got.push(`${payload as string}/${attempt}`)
        if (payload === 'x1' && attempt < 3) throw new Failure('not yet')
      },
      { ...base, retry: steady, orderingKey: ({ payload }) => (payload as string)[0] },
    )

    await publishAll(broker, 'a', ['x1', 'x2', 'y1', 'x3', 'y2'])
    await quiet()
    expect(got).toEqual(['x1/1', 'y1/1', 'y2/1'])
    expect(consumer.ledger().inFlight).toEqual({ queued: 2, running: 0, parked: 1, settling: 0 })

    await pass(clock, 100)
    await pass(clock, 200)
    expect(got.slice(3)).toEqual(['x1/2', 'x1/3', 'x2/1', 'x3/1'])
  })

  it('lets no more be taken than lookAhead behind a busy key', async () => {
    const { base, broker } = world()
    const gate = new Gate()
    const subscription = broker.subscribe('a')
    const consumer = consume(subscription, () => gate.opened, {
      ...base,
      concurrency: 2,
      lookAhead: 3,
      orderingKey: () => 'same',
      exhausted: 'discard',
    })

    await publishAll(broker, 'a', range(0, 10))
    await quiet()
    expect(consumer.ledger()).toMatchObject({ received: 4, inFlight: { running: 1, queued: 3 } })
    expect(subscription.pending).toBe(6)

    gate.open()
    await untilEmpty(consumer)
    expect(consumer.ledger().handled).toBe(10)
  })

  it('lets nothing more be taken while as many wait as maxParked says', async () => {
    const { base, broker, clock } = world()
    const subscription = broker.subscribe('a')
    const consumer = consume(
      subscription,
      (_message, { attempt }) => {
        if (attempt === 1) throw new Failure('once')
      },
      { ...base, exhausted: 'discard', retry: { ...steady, maxParked: 3 } },
    )

    await publishAll(broker, 'a', range(0, 10))
    await quiet()
    expect(consumer.ledger()).toMatchObject({ received: 3, inFlight: { parked: 3 } })

    for (let round = 0; round < 4; round++) await pass(clock, 100)
    expect(consumer.ledger()).toMatchObject({ received: 10, handled: 10 })
  })

  it('is not tried again when its payload cannot be read, or retry.when says no', async () => {
    const { base, broker, ear } = world()
    const dead: string[] = []
    broker.subscribe('a.dlq', ({ headers }) => dead.push(headers['spillway-dead-letter-reason'] ?? ''))
    const consumer = consume(
      { broker, pattern: 'a' },
      ({ payload }) => {
        if (payload === 'bad') throw new PayloadInvalidError('a', [{ message: 'not JSON' }])
        throw new Failure('for good')
      },
      { ...base, retry: { ...steady, when: (error) => !(error instanceof Failure) } },
    )

    await publishAll(broker, 'a', ['bad', 'good'])
    await untilEmpty(consumer)

    expect(dead).toEqual(['payload', 'not-retried'])
    expect(ear.of('deadLettered').map(({ attempts }) => attempts)).toEqual([1, 1])
  })

  it('is given up at once when its ordering key cannot be told', async () => {
    const { base, broker, ear } = world()
    const consumer = consume({ broker, pattern: 'a' }, () => undefined, {
      ...base,
      exhausted: 'discard',
      orderingKey: ({ payload }) => {
        if (payload === 1) throw new Failure('no key')
        return payload === 2 ? (Promise.resolve('x') as unknown as string) : 'x'
      },
    })

    await publishAll(broker, 'a', [1, 2, 3])
    await untilEmpty(consumer)

    expect(consumer.ledger()).toMatchObject({ discarded: 2, handled: 1 })
    expect(ear.of('discarded').map(({ reason }) => reason)).toEqual(['ordering-key', 'ordering-key'])
    expect(ear.of('callbackError')).toHaveLength(2)
  })
})

describe('exhausted', () => {
  it('discard counts the message and goes on', async () => {
    const { base, broker, ear } = world()
    const consumer = consume(
      { broker, pattern: 'a' },
      ({ payload }) => {
        if (payload === 1) throw new Failure('one')
      },
      { ...base, exhausted: 'discard', retry: { attempts: 1 } },
    )

    await publishAll(broker, 'a', [1, 2])
    await untilEmpty(consumer)

    expect(consumer.ledger()).toMatchObject({ discarded: 1, handled: 1 })
    expect(ear.of('discarded')).toMatchObject([{ reason: 'attempts', attempts: 1 }])
  })

  it('stop ends the consumer, and nothing behind the message in its key is begun', async () => {
    const { base, broker, ear } = world()
    const got: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'a' },
      async ({ payload }) => {
        got.push(payload)
        await Promise.resolve()
        if (payload === 2) throw new Failure('two')
      },
      { ...base, exhausted: 'stop', retry: { attempts: 1 }, orderingKey: () => 'k', concurrency: 2 },
    )

    await publishAll(broker, 'a', [1, 2, 3, 4])
    await expect(consumer.done).rejects.toMatchObject({
      code: 'SPW_CONSUMER_STOPPED',
      topic: 'a',
      cause: new Failure('two'),
    })

    expect(got).toEqual([1, 2])
    expect(consumer.state).toBe('ended')
    expect(consumer.ledger()).toMatchObject({ handled: 1, returned: consumer.ledger().received - 1 })
    assertConsumerBalanced(consumer.ledger())
    expect(ear.of('returned').every(({ reason }) => reason === 'stopped')).toBe(true)
    expect(ear.of('ended')).toMatchObject([{ error: { code: 'SPW_CONSUMER_STOPPED' } }])
  })
})
