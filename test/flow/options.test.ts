import { describe, expect, expectTypeOf, it } from 'vitest'
import { createBroker, type Delivery, LedgerImbalanceError, type Message } from '../../src/index.ts'
import { createLogBroker } from '../../src/log/index.ts'
import {
  assertConsumerBalanced,
  consume,
  consumeBatches,
  type ConsumerLedger,
  type FlowOptions,
} from '../../src/flow/index.ts'
import { directory, openInline } from '../support/undo.ts'

interface Shop {
  'orders.created': { readonly id: string }
  'orders.paid': { readonly amount: number }
}

describe('options', () => {
  it('that cannot be are refused before any effect', () => {
    const broker = createBroker()
    const wrong: [FlowOptions<never> & Record<string, unknown>, string][] = [
      [{ concurrency: 0 }, 'concurrency'],
      [{ lookAhead: 1.5 }, 'lookAhead'],
      [{ deadlineMs: 0 }, 'deadlineMs'],
      [{ deadlineMs: Number.NaN }, 'deadlineMs'],
      [{ maxAbandoned: -1 }, 'maxAbandoned'],
      [{ retry: { attempts: 0 } }, 'retry.attempts'],
      [{ retry: { firstMs: -1 } }, 'retry.firstMs'],
      [{ retry: { factor: 0.5 } }, 'retry.factor'],
      [{ retry: { maxMs: Number.POSITIVE_INFINITY } }, 'retry.maxMs'],
      [{ retry: { jitter: 2 } }, 'retry.jitter'],
      [{ retry: { when: 1 as never } }, 'retry.when'],
      [{ retry: { maxParked: 0 } }, 'retry.maxParked'],
      [{ exhausted: 'skip' as never }, 'exhausted'],
      [{ orderingKey: 'key' as never }, 'orderingKey'],
      [{ circuit: { failures: 0 } }, 'circuit.failures'],
      [{ circuit: { rate: 2 } }, 'circuit.rate'],
      [{ circuit: { probes: 0 } }, 'circuit.probes'],
      [{ rate: { perSecond: 0 } }, 'rate.perSecond'],
      [{ rate: { perSecond: 1, burst: 0 } }, 'rate.burst'],
      [{ dedupe: { count: 0 } }, 'dedupe.count'],
      [{ dedupe: { windowMs: 0 } }, 'dedupe.windowMs'],
      [{ extendEveryMs: 0 }, 'extendEveryMs'],
      [{ signal: new AbortController() as never }, 'signal'],
      [{ use: [1] }, 'use'],
      [{ deadLetter: { topic: 'x' as never } }, 'deadLetter.topic'],
      [{ deadLetter: { broker: {} as never } }, 'deadLetter.broker'],
      [{ deadLetter: { timeoutMs: 0 } }, 'deadLetter.timeoutMs'],
      [{ circuit: { rate: '0.5' as never } }, 'circuit.rate'],
      [{ rate: { perSecond: '10' as never } }, 'rate.perSecond'],
      ...['deadLetter', 'retry', 'circuit', 'rate', 'dedupe', 'observer'].flatMap((option) =>
        [null, 5, 'yes'].map((value): [Record<string, unknown>, string] => [{ [option]: value }, option]),
      ),
    ]
    for (const [options, option] of wrong) {
      const start = (): unknown => consume({ broker, pattern: 'a' }, () => undefined, options as never)
      expect(start, option).toThrow(expect.objectContaining({ code: 'SPW_INVALID_OPTION', option }))
    }
    expect(() => consume({ broker, pattern: 'a' }, undefined as never)).toThrow(/Give a function/)
    expect(() => consume({} as never, () => undefined)).toThrow(/Give a subscription/)
    expect(() => consumeBatches({ broker, pattern: 'a' }, (all) => all, { maxBatch: 0 })).toThrow(/maxBatch/)
    expect(broker.ledger().mailboxes).toEqual([])
  })

  it('require what the broker of the source provides, at compile time where that is known', async () => {
    const memory = createBroker<Shop>()
    const wal = await openInline(directory())
    const source = { broker: memory, pattern: 'orders.created' } as const

    // @ts-expect-error a memory broker is known to have no acks: this does not compile
    expect(() => consume(source, () => undefined, { requires: ['acks'] })).toThrow(/does not provide acks/)
    // @ts-expect-error nor does this
    expect(() => consumeBatches(source, (all) => all, { requires: ['acks'] })).toThrow(
      /does not provide acks/,
    )
    await consume(source, () => undefined, { requires: ['groups'] }).close()
    await consume({ broker: wal, pattern: 'a', subscribe: { group: 'g' } }, () => undefined, {
      requires: ['acks', 'durable'],
    }).close()

    const options = { exhausted: 'stop', requires: ['acks'] } as const
    // @ts-expect-error of a subscription no broker is known
    expect(() => consume(memory.subscribe('orders.paid'), () => undefined, options)).toThrow(/requires/)
  })
})

describe('a subscription', () => {
  it('that somebody else reads is refused', () => {
    const broker = createBroker()
    const options = { exhausted: 'discard' } as const
    const subscription = broker.subscribe('a')
    const consumer = consume(subscription, () => undefined, options)
    expect(() => consume(subscription, () => undefined, options)).toThrow(/already being iterated/)
    expect(() => subscription[Symbol.asyncIterator]()).toThrow(/already being iterated/)
    expect(consumer.state).toBe('running')
  })
})

describe('the message of a handler', () => {
  it('has the type that the map of the broker or the subscription gives it', async () => {
    const memory = createBroker<Shop>()
    const log = createLogBroker<Shop>()
    const untyped = createBroker()

    const closing = [
      consume({ broker: memory, pattern: 'orders.paid' }, (message) => {
        expectTypeOf(message).toEqualTypeOf<Message<{ readonly amount: number }, 'orders.paid'>>()
      }),
      consume({ broker: memory, pattern: 'orders.*' }, (message) => {
        if (message.topic === 'orders.paid') expectTypeOf(message.payload.amount).toBeNumber()
      }),
      consume({ broker: untyped, pattern: 'orders.paid' }, (message) => {
        expectTypeOf(message.payload).toBeAny()
      }),
      consume(
        log.subscribe('orders.created', { from: 'start' }),
        (message) => {
          expectTypeOf(message.offset).toBeNumber()
          expectTypeOf(message.payload.id).toBeString()
        },
        { exhausted: 'stop', orderingKey: ({ payload }) => payload.id },
      ),
      consumeBatches({ broker: memory, pattern: 'orders.paid' }, (messages) => {
        expectTypeOf(messages[0]?.payload.amount).toEqualTypeOf<number | undefined>()
        return messages
      }),
    ]
    // @ts-expect-error no topic of this broker matches
    closing.push(consume({ broker: memory, pattern: 'orders.lost' }, () => undefined))
    for (const consumer of closing) await consumer.close()
  })

  it('is a delivery where a group is named on a broker that is known to have acks', async () => {
    const wal = await openInline(directory())
    const memory = createBroker()
    const subscribe = { group: 'g' } as const

    await consume({ broker: wal, pattern: 'a', subscribe }, (message) => {
      expectTypeOf(message).toExtend<Delivery>()
    }).close()
    await consume({ broker: wal, pattern: 'a' }, (message) => {
      expectTypeOf(message).not.toExtend<Delivery>()
    }).close()
    await consume({ broker: memory, pattern: 'a', subscribe }, (message) => {
      expectTypeOf(message).not.toExtend<Delivery>()
    }).close()
  })
})

describe('assertConsumerBalanced', () => {
  const ledger: ConsumerLedger = {
    received: 10,
    handled: 1,
    duplicates: 1,
    deadLettered: 1,
    discarded: 1,
    returned: 1,
    inFlight: { queued: 1, running: 1, parked: 1, settling: 2 },
    tooLate: 0,
    attempts: { started: 3, failed: 1, expired: 0, abandoned: 0 },
  }

  it('accepts a ledger that adds up and names the edge of one that does not', () => {
    assertConsumerBalanced(ledger)
    const { attempts, inFlight } = ledger
    expect(() => assertConsumerBalanced({ ...ledger, handled: 2 })).toThrow(LedgerImbalanceError)
    expect(() => assertConsumerBalanced({ ...ledger, inFlight: { ...inFlight, parked: 0 } })).toThrow(
      /received = handled/,
    )
    expect(() => assertConsumerBalanced({ ...ledger, attempts: { ...attempts, failed: 4 } })).toThrow(
      /started ≥ failed/,
    )
    expect(() => assertConsumerBalanced({ ...ledger, handled: -1, returned: 3 })).toThrow(/counts are ≥ 0/)
  })
})
