import { describe, expect, it } from 'vitest'
import { assertBalanced } from '../../src/index.ts'
import { consume, consumeBatches } from '../../src/flow/index.ts'
import type { DurableBroker } from '../../src/wal/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { directory, openInline } from '../support/undo.ts'
import { Gate, range, until } from '../support/watch.ts'
import { Ear, Failure, pass, payloadsOf, publishAll, quiet, steady, untilEmpty } from './helpers.ts'

// On a group with acks: a log on disk, which remembers what was acknowledged.

async function durable(): Promise<{
  readonly broker: DurableBroker
  readonly clock: ManualClock
  readonly ear: Ear
  readonly dir: string
  readonly base: { readonly clock: ManualClock; readonly observer: Ear['observer'] }
}> {
  const clock = new ManualClock()
  const ear = new Ear()
  const dir = directory()
  const broker = await openInline(dir, { clock })
  return { broker, clock, ear, dir, base: { clock, observer: ear.observer } }
}

const subscribe = { group: 'g', ackDeadlineMs: 1000 } as const

async function cursorOf(broker: DurableBroker): Promise<{ readonly lag: number; readonly inFlight: number }> {
  const [group] = await broker.groups()
  return { lag: group?.lagMessages ?? -1, inFlight: group?.inFlight ?? -1 }
}

describe('a group with acks', () => {
  it('never skips a failed message when a later one succeeds, also over a restart', async () => {
    const { base, broker, clock, dir } = await durable()
    const consumer = consume(
      { broker, pattern: 'a', subscribe },
      ({ payload }) => {
        if (payload === 3) throw new Failure('three')
      },
      { ...base, retry: { ...steady, attempts: 100, maxMs: 100 } },
    )
    await publishAll(broker, 'a', range(0, 10))
    await until(() => consumer.ledger().handled === 9)
    expect(await cursorOf(broker)).toEqual({ lag: 1, inFlight: 1 })

    await consumer.close()
    expect(consumer.ledger()).toMatchObject({ returned: 1 })
    await broker.close()

    const again = await openInline(dir, { clock })
    const got: unknown[] = []
    const second = consume(
      { broker: again, pattern: 'a', subscribe },
      ({ payload }) => got.push(payload),
      base,
    )
    await until(() => got.length > 0)
    await untilEmpty(second)
    expect(got).toEqual([3])
    expect(await cursorOf(again)).toEqual({ lag: 0, inFlight: 0 })
    await second.close()
  })

  it('is acknowledged after the dead letter is stored, not before', async () => {
    const { base, broker, clock, ear } = await durable()
    let topic = 'not a topic'
    const consumer = consume(
      { broker, pattern: 'a', subscribe },
      () => {
        throw new Failure('always')
      },
      { ...base, retry: { ...steady, attempts: 1 }, deadLetter: { topic: () => topic } },
    )
    await publishAll(broker, 'a', [1])
    await until(() => ear.of('deadLetterFailed').length === 1)
    expect(await cursorOf(broker)).toEqual({ lag: 1, inFlight: 1 })

    topic = 'a.dead'
    await pass(clock, 100)
    await until(() => consumer.ledger().deadLettered === 1)
    expect(await cursorOf(broker)).toEqual({ lag: 0, inFlight: 0 })
    const dead = broker.subscribe('a.dead', { from: 'start' })
    const { value } = await dead.next()
    expect(value?.headers).toMatchObject({
      'spillway-dead-letter-group': 'g',
      'spillway-dead-letter-offset': '0',
      'spillway-dead-letter-topic': 'a',
    })
    await consumer.close()
  })

  it('gets the deadlines of deliveries extended while they run and while they wait', async () => {
    const { base, broker, clock } = await durable()
    const gate = new Gate()
    const got: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'a', subscribe },
      async ({ attempt, payload }, context) => {
        got.push([payload, attempt, context.attempt])
        if (payload === 'waits' && context.attempt === 1) throw new Failure('once')
        if (payload === 'runs') await gate.opened
      },
      { ...base, concurrency: 2, deadlineMs: 60_000, retry: { ...steady, firstMs: 10_000 } },
    )
    await publishAll(broker, 'a', ['runs', 'waits'])
    await until(() => got.length === 2)
    for (let step = 0; step < 30; step++) await pass(clock, 334)
    gate.open()
    await until(() => consumer.ledger().handled === 2)

    expect(got).toEqual([
      ['runs', 1, 1],
      ['waits', 1, 1],
      ['waits', 1, 2],
    ])
    expect(consumer.ledger()).toMatchObject({ received: 2, tooLate: 0 })
    expect(broker.ledger().groups).toMatchObject([{ delivered: 2, acked: 2, expired: 0 }])
    await consumer.close()
  })

  it('aborts the signal of a delivery that the broker has taken back, and does not count it as handled twice', async () => {
    const { base, broker, clock, ear } = await durable()
    const gate = new Gate()
    const reasons: unknown[] = []
    const got: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'a', subscribe },
      async ({ attempt }, { signal, attempt: total }) => {
        got.push([attempt, total])
        if (attempt > 1) return
        signal.addEventListener('abort', () => reasons.push(signal.reason))
        await gate.opened
        throw new Failure('aborted')
      },
      { ...base, concurrency: 2, extendEveryMs: 1500 },
    )
    await publishAll(broker, 'a', [1])
    await until(() => got.length === 1)
    await pass(clock, 1500)
    await until(() => got.length === 2)
    expect(reasons).toMatchObject([{ code: 'SPW_DELIVERY_LOST', topic: 'a' }])
    gate.open()
    await untilEmpty(consumer)

    expect(got).toEqual([
      [1, 1],
      [2, 2],
    ])
    expect(consumer.ledger()).toMatchObject({ received: 2, handled: 1, returned: 1 })
    expect(ear.of('returned')).toMatchObject([{ reason: 'lost', again: true }])
    await consumer.close()
  })

  it('says when an ack came too late', async () => {
    const { base, broker, clock, ear } = await durable()
    const gate = new Gate()
    const consumer = consume(
      { broker, pattern: 'a', subscribe },
      ({ attempt }) => (attempt === 1 ? gate.opened : undefined),
      { ...base, concurrency: 2, extendEveryMs: 60_000 },
    )
    await publishAll(broker, 'a', [1])
    await until(() => consumer.ledger().received === 1)
    await pass(clock, 1001)
    await until(() => consumer.ledger().handled === 1)
    gate.open()
    await until(() => consumer.ledger().handled === 2)

    expect(consumer.ledger()).toMatchObject({ received: 2, tooLate: 1 })
    expect(ear.of('tooLate')).toMatchObject([{ message: { payload: 1 } }])
    await consumer.close()
  })

  it('counts the attempts of earlier deliveries, and tries a message at least once', async () => {
    const { base, broker, ear } = await durable()
    const subscription = broker.subscribe('a', subscribe)
    await publishAll(broker, 'a', [1])
    for (let attempt = 1; attempt <= 6; attempt++) {
      const { value } = await subscription.next()
      expect(value?.attempt).toBe(attempt)
      value?.nak()
    }
    const attempts: number[] = []
    const consumer = consume(
      subscription,
      (_message, { attempt }) => {
        attempts.push(attempt)
        throw new Failure('always')
      },
      { ...base, deadLetter: { broker } },
    )
    await until(() => consumer.ledger().deadLettered === 1)

    expect(attempts).toEqual([7])
    expect(ear.of('deadLettered')).toMatchObject([{ attempts: 7, reason: 'attempts' }])
    await consumer.close()
  })

  it('gives what drain hands back to another member, in order', async () => {
    const { base, broker, clock } = await durable()
    const consumer = consume({ broker, pattern: 'a', subscribe }, () => new Promise(() => undefined), {
      ...base,
      concurrency: 3,
    })
    await publishAll(broker, 'a', range(0, 5))
    await until(() => consumer.ledger().received === 3)
    const got: unknown[] = []
    const drained = consumer.drain({ timeoutMs: 100 })
    await pass(clock, 100)
    expect(await drained).toMatchObject({ complete: false, returned: 3 })

    const second = consume({ broker, pattern: 'a', subscribe }, ({ payload }) => got.push(payload), base)
    await until(() => got.length === 5)
    expect(got).toEqual(range(0, 5))
    expect(await cursorOf(broker)).toEqual({ lag: 0, inFlight: 0 })
    await second.close()
    assertBalanced(broker.ledger())
  })

  it('drains without taking what is new', async () => {
    const { base, broker } = await durable()
    const gate = new Gate()
    const consumer = consume({ broker, pattern: 'a', subscribe }, () => gate.opened, base)
    await publishAll(broker, 'a', range(0, 5))
    await until(() => consumer.ledger().received === 1)
    const drained = consumer.drain()
    gate.open()

    expect(await drained).toMatchObject({ complete: true, handled: 1 })
    expect(await cursorOf(broker)).toEqual({ lag: 4, inFlight: 0 })
  })

  it('lets what runs beside a message that stops the consumer be acknowledged', async () => {
    const { base, broker } = await durable()
    const gate = new Gate()
    const consumer = consume(
      { broker, pattern: 'a', subscribe },
      async ({ payload }) => {
        await gate.opened
        if (payload === 0) throw new Failure('stop')
        await quiet()
      },
      { ...base, concurrency: 3, exhausted: 'stop', retry: { attempts: 1 } },
    )
    await publishAll(broker, 'a', range(0, 5))
    await until(() => consumer.ledger().received === 3)
    gate.open()

    await expect(consumer.done).rejects.toMatchObject({ code: 'SPW_CONSUMER_STOPPED' })
    expect(consumer.ledger()).toMatchObject({ handled: 2, returned: 1, tooLate: 0 })
    expect(await cursorOf(broker)).toEqual({ lag: 3, inFlight: 0 })
  })

  it('keeps the order of each key under retry in two consumers', async () => {
    const { broker, ear } = await durable()
    const got: string[] = []
    const orderingKey = (message: { readonly key?: string | undefined }): string | undefined => message.key
    const retry = { ...steady, firstMs: 1 }
    const options = { observer: ear.observer, concurrency: 3, retry, orderingKey }
    const source = { broker, pattern: 'a', subscribe: { ...subscribe, orderingKey } } as const
    const handler = async (
      { key, payload }: { readonly key: string | undefined; readonly payload: unknown },
      { attempt }: { readonly attempt: number },
    ): Promise<void> => {
      await quiet()
      if ((payload as number) % 3 === 0 && attempt < 3) throw new Failure('again')
      got.push(`${key}${payload as number}`)
    }
    const consumers = [consume(source, handler, options), consume(source, handler, options)]
    for (const n of range(0, 30)) await broker.publish('a', n, { key: 'xyz'[n % 3] ?? '' })
    await until(() => got.length === 30, 1_000_000)

    for (const key of 'xyz') {
      const own = got.filter((entry) => entry.startsWith(key)).map((entry) => Number(entry.slice(1)))
      expect(own).toEqual(own.toSorted((one, other) => one - other))
    }
    for (const consumer of consumers) await consumer.close()
  })

  it('settles each message of a batch by itself', async () => {
    const { base, broker, clock } = await durable()
    const got: unknown[][] = []
    await publishAll(broker, 'a', range(0, 6))
    const consumer = consumeBatches(
      { broker, pattern: 'a', subscribe: { ...subscribe, from: 'start' } },
      async (messages, context) => {
        got.push(payloadsOf(messages))
        return messages.filter((message) => message.payload !== 2 || context.attemptOf(message) === 2)
      },
      { ...base, retry: steady },
    )
    await until(() => consumer.ledger().handled === 5)
    expect(await cursorOf(broker)).toEqual({ lag: 1, inFlight: 1 })
    await pass(clock, 100)
    await until(() => consumer.ledger().handled === 6)
    expect(got).toEqual([range(0, 6), [2]])
    await consumer.close()
  })
})
