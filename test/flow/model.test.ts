import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBroker } from '../../src/index.ts'
import { openDurableBroker } from '../../src/wal/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { fcParameters } from '../support/seed.ts'
import { directory } from '../support/undo.ts'
import { quiet } from './helpers.ts'
import { FlowWorld, type Shape, type Step, type Way } from './model-world.ts'

const way = fc.constantFrom<Way>('ok', 'throw', 'ok-later', 'reject', 'hang')
const index = fc.nat(20)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      key: fc.nat(3),
      ways: fc.array(way, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(1, 20, 50, 100, 300, 800),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('finish' as const), index, ok: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const), index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('resume' as const), index }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('replace' as const),
      index,
      timeoutMs: fc.constantFrom(0, 30, 1000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cemetery' as const), open: fc.boolean() }) },
)

const shape: fc.Arbitrary<Shape> = fc.record({
  concurrency: fc.integer({ min: 1, max: 3 }),
  keyed: fc.boolean(),
  batch: fc.boolean(),
  dedupe: fc.boolean(),
  circuit: fc.boolean(),
  rate: fc.boolean(),
  consumers: fc.constant(1),
})

const script = fc.array(step, { minLength: 5, maxLength: 50 })

describe('whatever handlers do', () => {
  it('on the memory broker every message is handled, dead-lettered or handed back, in order per key, books balanced', async () => {
    await fc.assert(
      fc.asyncProperty(shape, script, async (shape, script) => {
        const clock = new ManualClock()
        const broker = createBroker({ clock })
        const world = new FlowWorld(broker, clock, shape, {})
        for (const each of script) await world.step(each)
        await world.heal()
        for (const consumer of world.consumers) void consumer.close()
        await quiet()

        world.check()
        const { dropped } = broker.ledger().ended
        const accounted = new Set([...world.handled, ...world.dead, ...world.returned])
        // What waited in a mailbox that was closed was dropped there, and counted.
        expect(accounted.size + dropped.closed).toBeGreaterThanOrEqual(world.published)
        expect(world.consumers.every(({ state }) => state === 'ended')).toBe(true)
        expect(clock.timers).toBe(0)
        await broker.close()
      }),
      fcParameters(150),
    )
  })

  it('on a durable group nothing is lost or skipped, whoever comes and goes', async () => {
    await fc.assert(
      fc.asyncProperty(shape, fc.integer({ min: 1, max: 2 }), script, async (shape, consumers, script) => {
        const clock = new ManualClock()
        const broker = await openDurableBroker(directory(), { engine: 'inline', sync: 'os', clock })
        const orderingKey = ({ payload }: { readonly payload: unknown }): string =>
          String((payload as { readonly key: number }).key)
        const subscribe = { group: 'workers', ackDeadlineMs: 900, ...(shape.keyed && { orderingKey }) }
        const world = new FlowWorld(broker, clock, { ...shape, consumers }, subscribe)
        for (const each of script) await world.step(each)
        await world.heal()

        expect(world.handled.size + world.dead.size).toBeGreaterThanOrEqual(world.published)
        for (const consumer of world.consumers) void consumer.close()
        await quiet()
        world.check()
        const [group] = await broker.groups()
        expect(group).toMatchObject({ lagMessages: 0, inFlight: 0, members: 0 })
        await broker.close()
      }),
      fcParameters(40),
    )
  })
})
