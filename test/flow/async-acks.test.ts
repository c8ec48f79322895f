import { describe, expect, it } from 'vitest'
import type { Delivery, Subscription } from '../../src/index.ts'
import { consume } from '../../src/flow/index.ts'
import type { DurableBroker, GroupDelivery } from '../../src/wal/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { directory, openInline } from '../support/undo.ts'
import { Gate, range, until, watch } from '../support/watch.ts'
import { Ear, Failure, pass, publishAll, quiet, steady, untilEmpty } from './helpers.ts'

// Brokers on servers confirm an ack later. Here a group on disk does, when the test lets it: what is confirmed is real.

class SlowGroup {
  readonly subscription: Subscription<Delivery>
  /** Acks and naks wait for it. */
  gate = new Gate()
  /** Every call of the server fails. */
  broken = false
  asked = 0

  constructor(broker: DurableBroker) {
    const inner = broker.subscribe('a', { group: 'g', maxInFlight: 2000 })
    this.gate.open()
    this.subscription = new Proxy<Subscription<Delivery>>(inner, {
      get: (target, name) => {
        if (name === 'poll') return () => this.#wrap(inner.poll())
        if (name === 'next')
          return async () => {
            const result = await inner.next()
            return result.done === true ? result : { done: false, value: this.#wrap(result.value) }
          }
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  #wrap(message: GroupDelivery | undefined): Delivery | undefined {
    if (message === undefined) return undefined
    const later = async (call: () => boolean): Promise<boolean> => {
      this.asked++
      await this.gate.opened
      if (this.broken) throw new Failure('server')
      return call()
    }
    const { attempt, headers, id, key, payload, time, topic } = message
    return {
      ...{ attempt, headers, id, key, payload, time, topic },
      ack: () => later(() => message.ack()),
      nak: (options) => later(() => message.nak(options)),
      extend: (ms) => later(() => message.extend(ms)),
    }
  }
}

async function slowGroup(): Promise<{
  readonly broker: DurableBroker
  readonly slow: SlowGroup
  readonly clock: ManualClock
  readonly ear: Ear
  readonly base: {
    readonly clock: ManualClock
    readonly observer: Ear['observer']
    readonly exhausted: 'discard'
  }
}> {
  const clock = new ManualClock()
  const ear = new Ear()
  const broker = await openInline(directory(), { clock })
  const base = { clock, observer: ear.observer, exhausted: 'discard' as const }
  return { broker, slow: new SlowGroup(broker), clock, ear, base }
}

describe('acks that are confirmed later', () => {
  it('hold no place, are counted as settling until then, and drain waits for them', async () => {
    const { base, broker, slow } = await slowGroup()
    slow.gate = new Gate()
    const consumer = consume(slow.subscription, () => undefined, base)
    await publishAll(broker, 'a', range(0, 5))
    await until(() => slow.asked === 5)
    expect(consumer.ledger()).toMatchObject({
      received: 5,
      handled: 0,
      inFlight: { settling: 5, running: 0 },
    })

    const drained = watch(consumer.drain())
    await quiet()
    expect(drained.state).toBe('pending')
    slow.gate.open()
    await until(() => drained.state === 'resolved')

    expect(drained.value).toMatchObject({ complete: true, handled: 5, returned: 0 })
    expect(consumer.ledger()).toMatchObject({ handled: 5, tooLate: 0 })
    expect(await broker.groups()).toMatchObject([{ lagMessages: 0 }])
  })

  it('are bounded: nothing more is taken while too many wait', async () => {
    const { base, broker, slow } = await slowGroup()
    slow.gate = new Gate()
    const consumer = consume(slow.subscription, () => undefined, base)
    await Promise.all(range(0, 1100).map((n) => broker.publish('a', n)))
    await until(() => consumer.ledger().inFlight.settling === 1024)
    await quiet()
    expect(consumer.ledger()).toMatchObject({ received: 1024 })
    slow.gate.open()
    await until(() => consumer.ledger().handled === 1100)
    await consumer.close()
  })

  it('that fail were too late: the message comes again', async () => {
    const { base, broker, slow, ear } = await slowGroup()
    slow.broken = true
    const consumer = consume(slow.subscription, () => undefined, base)
    await publishAll(broker, 'a', [1])
    await until(() => consumer.ledger().handled === 1)

    expect(consumer.ledger()).toMatchObject({ tooLate: 1, inFlight: { settling: 0 } })
    expect(ear.of('tooLate')).toHaveLength(1)
    await consumer.close()
    expect(await broker.groups()).toMatchObject([{ lagMessages: 1 }])
  })

  it('do not keep a consumer from ending when they never come', async () => {
    const { base, broker, slow, clock } = await slowGroup()
    slow.gate = new Gate()
    const consumer = consume(slow.subscription, () => new Promise(() => undefined), base)
    await publishAll(broker, 'a', [1])
    await until(() => consumer.ledger().inFlight.running === 1)
    const closed = watch(consumer.close())
    await pass(clock, 4999)
    expect(closed.state).toBe('pending')
    await pass(clock, 1)

    expect(closed.value).toMatchObject({ complete: false })
    expect(consumer.state).toBe('ended')
    expect(consumer.ledger().inFlight.settling).toBe(1)
  })

  it('work with retries and extensions', async () => {
    const { base, broker, slow, clock } = await slowGroup()
    const consumer = consume(
      slow.subscription,
      (_message, { attempt }) => {
        if (attempt < 3) throw new Failure('again')
      },
      { ...base, extendEveryMs: 10_000, retry: { ...steady, firstMs: 29_000, maxMs: 60_000 } },
    )
    await publishAll(broker, 'a', [1])
    await until(() => consumer.ledger().inFlight.parked === 1)
    for (let step = 0; step < 10; step++) await pass(clock, 10_000)
    await untilEmpty(consumer)

    expect(consumer.ledger()).toMatchObject({ received: 1, handled: 1, tooLate: 0 })
    await consumer.close()
  })
})
