import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { totalDropped } from '../../src/core/ledger.ts'
import { type Outcome, predict, type Setting, simulate } from '../../src/predict/index.ts'
import { fcParameters } from '../support/seed.ts'

/** Rates with ties and without, from far too slow to far too fast; few enough events for hundreds of runs. */
const rate = fc.oneof(
  fc.integer({ min: 1, max: 400 }),
  fc.double({ min: 0.05, max: 400, noNaN: true }),
  fc.constantFrom(10, 20, 50, 100, 200),
)

const settings: fc.Arbitrary<Setting> = fc
  .record({
    publishPerSecond: rate,
    drainPerSecond: fc.oneof({ weight: 9, arbitrary: rate }, { weight: 1, arbitrary: fc.constant(0) }),
    seconds: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.double({ min: 0.001, max: 20, noNaN: true })),
    capacity: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 3000 })),
    members: fc.oneof(
      { weight: 3, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.integer({ min: 2, max: 5 }) },
    ),
    keys: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 1000 })),
    overflow: fc.constantFrom('drop-newest', 'drop-oldest', 'latest', 'block', 'fail', 'disconnect'),
  })
  .map(({ keys, ...setting }) => (setting.overflow === 'latest' ? { ...setting, keys } : setting))

function counts(outcome: Outcome): Record<string, number> {
  const { published, unrouted, delivered, dropped, pending, waiting, publisher } = outcome
  const { rejected } = publisher
  const total = totalDropped({ ...outcome, routed: published - unrouted })
  return { ...dropped, published, unrouted, delivered, dropped: total, pending, waiting, rejected }
}

/** The promise: within one message or one per cent. */
function expectClose(name: string, predicted: number, measured: number): void {
  const allowed = Math.max(1, 0.01 * Math.abs(measured))
  if (Math.abs(predicted - measured) <= allowed + 1e-9) return
  throw new Error(`${name}: predicted ${predicted}, measured ${measured}`)
}

describe('predict and simulate', () => {
  it('agree on every count within one message or one per cent, for any setting', async () => {
    const property = fc.asyncProperty(settings, async (setting) => {
      const predicted = predict(setting)
      const measured = await simulate(setting)

      const after = counts(measured)
      for (const [name, value] of Object.entries(counts(predicted)))
        expectClose(name, value, after[name] ?? Number.NaN)
      expect(predicted.publisher.waitingShare).toBeCloseTo(measured.publisher.waitingShare, 2)
    })

    await fc.assert(property, fcParameters(300))
  })

  it('agree exactly when rates are whole numbers', async () => {
    const whole = fc.integer({ min: 1, max: 200 })
    const quarters = fc.integer({ min: 1, max: 60 }).map((count) => count / 4)
    const exact = fc.record({
      setting: settings,
      publishPerSecond: whole,
      drainPerSecond: whole,
      seconds: quarters,
    })
    const property = fc.asyncProperty(exact, async ({ setting, ...rates }) => {
      const [predicted, measured] = [
        predict({ ...setting, ...rates }),
        await simulate({ ...setting, ...rates }),
      ]

      expect(counts(predicted)).toEqual(counts(measured))
      expect(predicted.publisher.waitingShare).toBeCloseTo(measured.publisher.waitingShare, 9)
    })

    await fc.assert(property, fcParameters(200))
  })

  it('agree on the age within one period, or half a round of keys, once the mailbox has been full for long', async () => {
    const property = fc.asyncProperty(settings, async (setting) => {
      const [predicted, measured] = [predict(setting), await simulate(setting)]

      expect(predicted.ageSeconds === undefined).toBe(measured.ageSeconds === undefined)
      const [said, seen] = [predicted.ageSeconds ?? 0, measured.ageSeconds ?? 0]
      expect(Math.abs(said - seen)).toBeLessThanOrEqual(ageTolerance(setting, seen))
    })

    await fc.assert(property, fcParameters(150))
  })

  it('agree on when the policy first acts, if that is before the end', async () => {
    const property = fc.asyncProperty(settings, async (setting) => {
      const [predicted, measured] = [predict(setting), await simulate(setting)]

      const said = predicted.secondsToFull ?? Number.POSITIVE_INFINITY
      const seen = measured.secondsToFull ?? Math.max(said, setting.seconds)
      expect(said === seen || Math.abs(said - seen) < 1e-6).toBe(true)
    })

    await fc.assert(property, fcParameters(150))
  })
})

/** One period and one round of keys; and the last tenth of the deliveries may begin before the mailbox is full. */
function ageTolerance(setting: Setting, ageSeconds: number): number {
  const { publishPerSecond, drainPerSecond, members = 1, keys = 0 } = setting
  const period = Math.max(1 / publishPerSecond, 1 / (drainPerSecond * members))
  return period + keys / publishPerSecond + 0.06 * ageSeconds + 1e-9
}
