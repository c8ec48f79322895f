import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assertBalanced, InvalidOptionError, InvalidPatternError } from '../../src/index.ts'
import {
  createLogBroker,
  type LogBrokerOptions,
  type LogMessage,
  type Retention,
} from '../../src/log/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { fcParameters } from '../support/seed.ts'
import { range, takeAll } from '../support/watch.ts'

const sizeOf = ({ payload }: LogMessage): number => Number(payload)

describe('retention', () => {
  it('by count keeps the newest', async () => {
    const broker = createLogBroker({ retention: { count: 3 } })
    for (const n of range(0, 10)) await broker.publish('t', n)

    expect(takeAll(broker.subscribe('t', { from: 'start' }))).toEqual([7, 8, 9])
    expect(broker.ledger().log).toEqual({ appended: 10, retained: 3, evicted: 7, bytes: 0 })
    expect(broker.topics()).toEqual([{ topic: 't', first: 7, next: 10 }])
  })

  it('by bytes keeps what fits, and always the newest', async () => {
    const broker = createLogBroker({ retention: { bytes: 10 }, sizeOf })
    for (const size of [4, 4, 3]) await broker.publish('t', size)
    expect(takeAll(broker.subscribe('t', { from: 'start' }))).toEqual([4, 3])

    await broker.publish('t', 3)
    expect(broker.ledger().log).toMatchObject({ retained: 3, bytes: 10 })
    await broker.publish('t', 99)
    expect(takeAll(broker.subscribe('t', { from: 'start' }))).toEqual([99])
    await broker.publish('t', 1)
    expect(takeAll(broker.subscribe('t', { from: 'start' }))).toEqual([1])
  })

  it('by age removes what is old, by a timer and at the next append', async () => {
    const clock = new ManualClock()
    const broker = createLogBroker({ clock, retention: { ageMs: 1600 } })
    await broker.publish('t', 'a')
    clock.advance(1000)
    await broker.publish('t', 'b')
    await broker.publish('u', 'c')
    expect(clock.timers).toBe(1)

    clock.advance(600)
    expect(broker.ledger().log).toMatchObject({ retained: 2, evicted: 1 })
    clock.advance(1000)
    expect(broker.ledger().log).toMatchObject({ retained: 0, evicted: 3 })
    expect(clock.timers).toBe(0)
    await broker.publish('t', 'd')
    expect(broker.topics()).toEqual([
      { topic: 't', first: 2, next: 3 },
      { topic: 'u', first: 1, next: 1 },
    ])
  })

  it('by age is no reason to keep the process alive', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const broker = createLogBroker({ retention: { ageMs: 1_000_000 } })
    await broker.publish('t', 1)
    expect(timers()).toBe(before)
    await broker.close()
  })

  it('by age keeps nothing longer than a sixteenth more, whatever is appended when', () => {
    const gap = fc.record({ topic: fc.constantFrom('a', 'b', 'short.x'), ms: fc.nat({ max: 400 }) })
    fc.assert(
      fc.property(fc.array(gap, { maxLength: 60, size: 'max' }), (gaps) => {
        const clock = new ManualClock()
        const retention = { 'short.*': { ageMs: 160 }, '>': { ageMs: 1600 } }
        const broker = createLogBroker({ clock, retention })
        const births: Record<string, number[]> = {}
        for (const { topic, ms } of gaps) {
          void broker.publish(topic, clock.now())
          ;(births[topic] ??= []).push(clock.now())
          clock.advance(ms)
          for (const status of broker.topics()) {
            const ageMs = status.topic === 'short.x' ? 160 : 1600
            const [oldest = clock.now()] = births[status.topic]?.slice(status.first) ?? []
            const [evicted = 0] = births[status.topic]?.slice(0, status.first).slice(-1) ?? []
            expect(clock.now() - oldest).toBeLessThan(ageMs * (17 / 16) + 1)
            expect(clock.now() - evicted).toBeGreaterThanOrEqual(ageMs)
          }
        }
        clock.advance(1700)
        expect(broker.ledger().log.retained).toBe(0)
        expect(clock.timers).toBe(0)
      }),
      fcParameters(100),
    )
  })

  it('by age is not moved by a clock that is set back or forth: only time that passes counts', async () => {
    const clock = new ManualClock()
    const broker = createLogBroker({ clock, retention: { ageMs: 1000 } })
    await broker.publish('t', 'a')
    clock.advance(-1_000_000)
    await broker.publish('t', 'b')
    expect(broker.ledger().log.retained).toBe(2)

    clock.advance(999)
    expect(takeAll(broker.subscribe('t', { from: 'start' }))).toEqual(['a', 'b'])
    clock.advance(1)
    await broker.publish('t', 'c')
    expect(takeAll(broker.subscribe('t', { from: 'start' }))).toEqual(['c'])
    for (const step of [-5000, 900, -900, 90]) {
      clock.advance(step)
      expect(takeAll(broker.subscribe('t', { from: 'start' }))).toEqual(['c'])
    }
    clock.advance(10)
    expect(takeAll(broker.subscribe('t', { from: 'start' }))).toEqual([])
  })

  it('by all three limits keeps what all of them allow', async () => {
    const clock = new ManualClock()
    const broker = createLogBroker({ clock, retention: { count: 3, bytes: 10, ageMs: 100 }, sizeOf })
    for (const size of [1, 2, 3, 4]) await broker.publish('t', size)
    expect(takeAll(broker.subscribe('t', { from: 'start' }))).toEqual([2, 3, 4])
    await broker.publish('t', 5)
    expect(takeAll(broker.subscribe('t', { from: 'start' }))).toEqual([4, 5])
    clock.advance(100)
    expect(broker.ledger().log).toEqual({ appended: 5, retained: 0, evicted: 5, bytes: 0 })
  })

  it('is that of the topic, else of the first pattern that matches, else 16384 records', async () => {
    const broker = createLogBroker({
      retention: {
        'a.*': { count: 2 },
        '*.x': { count: 3 },
        'a.y': { count: 4 },
        'b.>': { count: Infinity },
      },
    })
    const publishers = ['a.x', 'a.y', 'c.x', 'other', 'b.all'].map((topic) => broker.topic(topic))
    for (const n of range(0, 20_000)) for (const publisher of publishers) publisher.append(n)

    const kept = broker.topics().map(({ topic, first, next }) => [topic, next - first])
    expect(Object.fromEntries(kept)).toEqual({ 'a.x': 2, 'a.y': 4, 'c.x': 3, other: 16_384, 'b.all': 20_000 })
    assertBalanced(broker.ledger())
  })

  it('may be said of topics that are called like limits', async () => {
    const broker = createLogBroker({ retention: { count: { count: 1 }, bytes: { count: 2 } } })
    for (const topic of ['count', 'bytes']) for (const n of range(0, 3)) await broker.publish(topic, n)
    expect(broker.ledger().log.retained).toBe(3)
  })

  it.each<LogBrokerOptions>([
    { retention: {} },
    { retention: { count: 0 } },
    { retention: { count: 1.5 } },
    { retention: { bytes: 0 }, sizeOf },
    { retention: { ageMs: -1 } },
    { retention: { ageMs: Number.NaN } },
    { retention: { '>': {} } },
    { retention: { '>': { count: 0 } } },
    { retention: { '>': { many: 1 } as Retention } },
    { retention: { many: 1 } as Retention },
    { retention: { bytes: 10 } },
    { sizeOf },
    { retention: 7 as never },
    { retention: { bytes: 10 }, sizeOf: 1 as never },
  ])('cannot be %o', (options) => {
    expect(() => createLogBroker(options)).toThrow(InvalidOptionError)
  })

  it('names the pattern that is none', () => {
    expect(() => createLogBroker({ retention: { 'a..b': { count: 1 } } })).toThrow(InvalidPatternError)
  })
})
