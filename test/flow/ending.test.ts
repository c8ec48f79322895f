import { describe, expect, it, vi } from 'vitest'
import { createBroker } from '../../src/index.ts'
import { assertConsumerBalanced, consume, type Consumer } from '../../src/flow/index.ts'
import { Gate, range, until, watch } from '../support/watch.ts'
import { Failure, pass, payloadsOf, publishAll, quiet, steady, untilEmpty, world } from './helpers.ts'

describe('drain', () => {
  it('finishes what is inside, retries and what waits in the mailbox included, and says so', async () => {
    const { base, broker, clock } = world()
    const got: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'a' },
      async ({ payload }, { attempt }) => {
        got.push(payload)
        await Promise.resolve()
        if (payload === 1 && attempt < 3) throw new Failure('not yet')
      },
      { ...base, retry: steady },
    )

    await publishAll(broker, 'a', range(0, 5))
    const drained = watch(consumer.drain())
    expect(consumer.state).toBe('draining')
    await publishAll(broker, 'a', ['too late'])
    await pass(clock, 100)
    expect(drained.state).toBe('pending')
    await pass(clock, 200)

    expect(drained.value).toMatchObject({ complete: true, returned: 0, error: undefined, durationMs: 300 })
    expect(consumer.ledger()).toMatchObject({ received: 5, handled: 5 })
    expect(await consumer.done).toEqual(drained.value)
    expect(consumer.state).toBe('ended')
    expect(clock.timers).toBe(0)
  })

  it('hands back at its deadline what has not finished, aborts it, and ignores what it returns', async () => {
    const { base, broker, clock, ear } = world()
    const gate = new Gate()
    const reasons: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'a' },
      async ({ payload }, { signal }) => {
        if (payload === 1) throw new Failure('parks')
        signal.addEventListener('abort', () => reasons.push(signal.reason))
        await gate.opened
      },
      {
        ...base,
        retry: { ...steady, firstMs: 10_000 },
        concurrency: 2,
        orderingKey: ({ payload }) => (payload as number) % 2,
      },
    )

    await publishAll(broker, 'a', [1, 2, 3, 4])
    await quiet()
    const drained = consumer.drain({ timeoutMs: 500 })
    await pass(clock, 500)

    expect(await drained).toMatchObject({
      complete: false,
      returned: 4,
      handled: 0,
      abandoned: 1,
      durationMs: 500,
    })
    expect(reasons).toMatchObject([{ code: 'SPW_CONSUMER_ENDED' }])
    const returned = ear.of('returned')
    expect(new Set(payloadsOf(returned.map(({ message }) => message)))).toEqual(new Set([1, 2, 3, 4]))
    expect(returned.map(({ reason, again }) => [reason, again])).toEqual(
      Array.from({ length: 4 }, () => ['drained', false]),
    )
    expect(clock.timers).toBe(0)
    gate.open()
    await quiet()
    expect(ear.of('lateResult')).toHaveLength(1)
    assertConsumerBalanced(consumer.ledger())
  })

  it('is one, however often it is called, and close cuts it short', async () => {
    const { base, broker } = world()
    const consumer = consume({ broker, pattern: 'a' }, () => new Promise(() => undefined), base)
    await publishAll(broker, 'a', [1])
    await quiet()

    const all = [
      consumer.drain(),
      consumer.drain({ timeoutMs: 1 }),
      consumer.close(),
      consumer.close(),
      consumer.drain(),
    ]
    const reports = await Promise.all(all)

    expect(new Set(reports).size).toBe(1)
    expect(reports[0]).toMatchObject({ complete: false, returned: 1 })
    await expect(consumer.drain({ timeoutMs: -1 })).rejects.toMatchObject({ code: 'SPW_INVALID_OPTION' })
  })

  it('is not complete when something was left in the mailbox: at the deadline, behind a pause, at close', async () => {
    const { base, broker, clock } = world()
    const start = (): Consumer =>
      consume({ broker, pattern: 'a' }, () => undefined, { ...base, rate: { perSecond: 1 } })
    const [late, paused, closed] = [start(), start(), start()]
    paused.pause()
    await publishAll(broker, 'a', [1, 2, 3])
    await quiet()
    const reports = [late.drain({ timeoutMs: 500 }), paused.drain(), closed.close()]
    await pass(clock, 500)

    expect(await Promise.all(reports)).toMatchObject([
      { complete: false, returned: 0, dropped: 2 },
      { complete: false, returned: 0, dropped: 3 },
      { complete: false, returned: 0, dropped: 2 },
    ])
    expect(broker.ledger().ended.dropped.closed).toBe(7)
  })

  it('of a paused consumer hands back what has not begun, at once', async () => {
    const { base, broker, clock } = world()
    const consumer = consume(
      { broker, pattern: 'a' },
      () => {
        throw new Failure('parks')
      },
      { ...base, retry: steady },
    )
    await publishAll(broker, 'a', [1])
    await quiet()
    consumer.pause()

    expect(await consumer.drain()).toMatchObject({ complete: false, returned: 1 })
    expect(clock.timers).toBe(0)
  })

  it('is what await using does', async () => {
    const { base, broker } = world()
    const got: unknown[] = []
    {
      await using consumer = consume({ broker, pattern: 'a' }, ({ payload }) => got.push(payload), base)
      expect(consumer.pattern).toBe('a')
      await publishAll(broker, 'a', [1, 2])
    }
    expect(got).toEqual([1, 2])
  })
})

describe('close', () => {
  it('ends everything now, and leaves no timer and no subscription', async () => {
    const { base, broker, clock } = world()
    const consumer = consume({ broker, pattern: 'a' }, () => new Promise(() => undefined), {
      ...base,
      rate: { perSecond: 1 },
      circuit: {},
      deadlineMs: 5,
    })
    await publishAll(broker, 'a', [1, 2])
    await pass(clock, 5)

    await consumer.close()

    expect(clock.timers).toBe(0)
    expect(broker.ledger().mailboxes).toEqual([])
    expect(consumer.ledger()).toMatchObject({ received: 1, returned: 1 })
    expect(broker.ledger().ended.dropped.closed).toBe(1)
  })

  it('may be called by the observer that hears of a failure', async () => {
    const { broker, clock } = world()
    const consumer: Consumer = consume(
      { broker, pattern: 'a' },
      () => {
        throw new Failure('seen')
      },
      { clock, retry: steady, observer: { handlerError: () => void consumer.close() } },
    )
    await publishAll(broker, 'a', [1, 2])

    expect(await consumer.done).toMatchObject({ complete: false, returned: 1 })
    assertConsumerBalanced(consumer.ledger())
    expect(clock.timers).toBe(0)
  })

  it('is what the signal does, also one that has aborted before', async () => {
    const { base, broker } = world()
    const controller = new AbortController()
    const consumer = consume({ broker, pattern: 'a' }, () => undefined, {
      ...base,
      signal: controller.signal,
    })
    controller.abort()
    expect(await consumer.done).toMatchObject({ complete: true })

    const late = consume({ broker, pattern: 'a' }, () => undefined, { ...base, signal: controller.signal })
    await late.done
    expect(late.state).toBe('ended')
  })
})

describe('the end of the subscription', () => {
  it('ends the consumer when what is inside is finished', async () => {
    const { base, broker, clock } = world()
    const consumer = consume(
      { broker, pattern: 'a' },
      (_message, { attempt }) => {
        if (attempt === 1) throw new Failure('once')
      },
      { ...base, retry: steady },
    )
    await publishAll(broker, 'a', [1])
    await quiet()
    const done = watch(consumer.done)
    await broker.close()
    await quiet()
    expect(done.state).toBe('pending')
    await pass(clock, 100)

    expect(done.value).toMatchObject({ complete: true, handled: 1, error: undefined })
  })

  it('with an error is told by done and by the observer, after what is inside', async () => {
    const { base, broker, ear } = world()
    const gate = new Gate()
    const subscribe = { overflow: 'disconnect', capacity: 2 } as const
    const consumer = consume({ broker, pattern: 'a', subscribe }, () => gate.opened, base)
    await quiet()
    await publishAll(broker, 'a', range(0, 8))
    await quiet()
    expect(consumer.state).toBe('running')
    gate.open()

    await expect(consumer.done).rejects.toMatchObject({ code: 'SPW_SLOW_SUBSCRIBER' })
    expect(ear.of('ended')).toMatchObject([{ error: { code: 'SPW_SLOW_SUBSCRIBER' } }])
    expect(await consumer.drain()).toMatchObject({ error: { code: 'SPW_SLOW_SUBSCRIBER' } })
    expect(consumer.state).toBe('ended')
    assertConsumerBalanced(consumer.ledger())
  })

  it('does not wait for ever for a dead letter that can go nowhere any more', async () => {
    const { base, broker, clock } = world()
    const consumer = consume(
      { broker, pattern: 'a' },
      () => {
        throw new Failure('always')
      },
      { ...base, retry: { ...steady, attempts: 1 } },
    )
    await publishAll(broker, 'a', [1])
    await quiet()
    await broker.close()
    for (let step = 0; step < 31; step++) await pass(clock, 1000)

    expect(await consumer.done).toMatchObject({ complete: false, returned: 1 })
  })
})

describe('what nobody observes', () => {
  it('is said on the console: a failing handler once, a dead letter that cannot be published, an end', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { clock } = world()
    const broker = createBroker()
    const consumer = consume(
      { broker, pattern: 'a', subscribe: { overflow: 'disconnect', capacity: 2 } },
      () => {
        throw new Failure('seen')
      },
      { clock, retry: { ...steady, attempts: 2 } },
    )
    await quiet()
    await broker.publish('a', 1)
    await pass(clock, 100)
    await publishAll(broker, 'a', range(0, 5))
    for (let step = 0; step < 70; step++) await pass(clock, 1000)
    await until(() => consumer.state === 'ended')

    const said = warn.mock.calls.map(([text]) => String(text))
    expect(said.filter((text) => text.includes('nobody observes handlerError'))).toHaveLength(1)
    expect(said.filter((text) => text.includes('dead letter cannot be published'))).toHaveLength(1)
    expect(said.filter((text) => text.includes('has ended: SlowSubscriberError'))).toHaveLength(1)
    await untilEmpty(consumer)
  })
})
