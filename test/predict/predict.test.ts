import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../../src/core/errors.ts'
import { totalDropped } from '../../src/core/ledger.ts'
import { type Outcome, predict, type Setting, simulate } from '../../src/predict/index.ts'

const tenTimesTooFast: Setting = { publishPerSecond: 1000, drainPerSecond: 100, capacity: 16, seconds: 5 }

function dropped(outcome: Outcome): number {
  return totalDropped({ ...outcome, routed: 0 })
}

describe('a publisher ten times faster than its subscriber, 16 places, 5 seconds', () => {
  it('loses (λ−μ)T − B under drop-newest, and delivers old news: B/μ', () => {
    const outcome = predict(tenTimesTooFast)

    expect(outcome).toMatchObject({ published: 5000, delivered: 500, pending: 16, waiting: 0, unrouted: 0 })
    expect(outcome.dropped['buffer-full']).toBe(4484)
    expect(dropped(outcome)).toBe(4484)
    expect(outcome.ageSeconds).toBeCloseTo(0.16, 9)
    expect(outcome.publisher).toEqual({ waitingShare: 0, rejected: 0 })
  })

  it('loses as many under drop-oldest, but delivers fresh news: B/λ', () => {
    const outcome = predict({ ...tenTimesTooFast, overflow: 'drop-oldest' })

    expect(outcome).toMatchObject({ delivered: 500, pending: 16 })
    expect(outcome.dropped['evicted-oldest']).toBe(4484)
    expect(outcome.ageSeconds).toBeCloseTo(0.016, 9)
  })

  it('loses nothing under block, and keeps its publisher waiting nine tenths of the time', () => {
    const outcome = predict({ ...tenTimesTooFast, overflow: 'block' })

    expect(outcome).toMatchObject({ published: 516, delivered: 500, pending: 16 })
    expect(dropped(outcome)).toBe(0)
    expect(outcome.publisher.waitingShare).toBeCloseTo(0.9 * (1 - 0.018 / 5), 3)
    expect(outcome.ageSeconds).toBeCloseTo(0.169, 9)
  })

  it('keeps one copy per key under latest, no older than a round of the keys', () => {
    const outcome = predict({ ...tenTimesTooFast, overflow: 'latest', keys: 4 })

    expect(outcome.delivered).toBe(500)
    expect(outcome.pending).toBeLessThanOrEqual(4)
    expect(outcome.dropped.superseded).toBe(4500 - outcome.pending)
    expect(outcome.ageSeconds).toBeLessThanOrEqual(0.004)
  })

  it('is latest in name only when the keys outnumber the places: then it is drop-oldest', () => {
    const latest = predict({ ...tenTimesTooFast, overflow: 'latest', keys: 17 })

    expect(latest).toEqual(predict({ ...tenTimesTooFast, overflow: 'drop-oldest' }))
  })

  it('rejects under fail exactly what drop-newest would drop', () => {
    const outcome = predict({ ...tenTimesTooFast, overflow: 'fail' })

    expect(outcome.dropped.refused).toBe(4484)
    expect(outcome.publisher.rejected).toBe(4484)
  })

  it('is over after B/(λ−μ) under disconnect', () => {
    const outcome = predict({ ...tenTimesTooFast, overflow: 'disconnect' })

    expect(outcome.dropped.disconnected).toBe(17)
    expect(outcome.secondsToFull).toBeCloseTo(16 / 900, 3)
    expect(outcome).toMatchObject({ published: 5000, delivered: 1, unrouted: 4982, pending: 0 })
  })

  it('counts a queue group of m as one consumer of m times the speed', () => {
    const group = predict({ ...tenTimesTooFast, members: 4 })

    expect(group).toEqual(predict({ ...tenTimesTooFast, drainPerSecond: 400 }))
  })

  it('delivers what was simulated', async () => {
    for (const overflow of ['drop-newest', 'drop-oldest', 'block', 'fail', 'disconnect'] as const) {
      const { ageSeconds: _, ...predicted } = predict({ ...tenTimesTooFast, overflow })

      const { ageSeconds, publisher, ...measured } = await simulate({ ...tenTimesTooFast, overflow })

      expect({ ...measured, publisher: predicted.publisher }).toEqual(predicted)
      expect(publisher.waitingShare).toBeCloseTo(predicted.publisher.waitingShare, 9)
      expect(ageSeconds).toBeGreaterThan(0)
    }
  })
})

describe('other regimes', () => {
  it('loses nothing under any policy when the subscriber keeps up', () => {
    for (const overflow of ['drop-newest', 'drop-oldest', 'block', 'fail', 'disconnect'] as const) {
      const outcome = predict({
        publishPerSecond: 100,
        drainPerSecond: 100,
        capacity: 1,
        seconds: 10,
        overflow,
      })

      expect(outcome).toMatchObject({ published: 1000, delivered: 999, pending: 1, secondsToFull: undefined })
      expect(dropped(outcome)).toBe(0)
    }
  })

  it('loses nothing before the mailbox is full', () => {
    const outcome = predict({ ...tenTimesTooFast, capacity: 1024, seconds: 1 })

    expect(outcome).toMatchObject({ published: 1000, delivered: 100, pending: 900 })
    expect(outcome.secondsToFull).toBeCloseTo(1024 / 900, 2)
  })

  it('knows a consumer that never reads', () => {
    const stuck = { ...tenTimesTooFast, drainPerSecond: 0 }

    expect(predict(stuck)).toMatchObject({ delivered: 0, pending: 16, ageSeconds: undefined })
    expect(predict({ ...stuck, overflow: 'block' })).toMatchObject({ published: 17, pending: 16, waiting: 1 })
  })

  it('answers for a time before the first publish', () => {
    const outcome = predict({ ...tenTimesTooFast, seconds: 0.0005 })

    expect(outcome).toMatchObject({ published: 0, delivered: 0, pending: 0, ageSeconds: undefined })
  })
})

describe('a setting that cannot be', () => {
  it.each([
    ['publishPerSecond', { publishPerSecond: 0 }],
    ['publishPerSecond', { publishPerSecond: Number.NaN }],
    ['drainPerSecond', { drainPerSecond: -1 }],
    ['drainPerSecond', { drainPerSecond: Number.POSITIVE_INFINITY }],
    ['seconds', { seconds: 0 }],
    ['seconds', { seconds: 1e12 }],
    ['capacity', { capacity: 0 }],
    ['capacity', { capacity: 1.5 }],
    ['members', { members: 0 }],
    ['keys', { keys: 3 }],
    ['keys', { overflow: 'latest' }],
    ['keys', { overflow: 'latest', keys: 0 }],
    ['overflow', { overflow: 'spill' as 'latest' }],
  ] as const)('is refused, naming %s: %o', async (option, change) => {
    const setting = { ...tenTimesTooFast, ...change }

    expect(() => predict(setting)).toThrow(InvalidOptionError)
    expect(() => predict(setting)).toThrow(`Invalid option ${option}:`)
    await expect(simulate(setting)).rejects.toThrow(InvalidOptionError)
  })

  it('is refused by simulate when it would take more than maxEvents', async () => {
    await expect(simulate(tenTimesTooFast, { maxEvents: 5499 })).rejects.toThrow('Invalid option seconds: 5.')
    await expect(simulate(tenTimesTooFast, { maxEvents: 5500 })).resolves.toMatchObject({ published: 5000 })
  })
})
