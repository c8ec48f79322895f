import { describe, expect, test } from 'vitest'
import { explore } from '../crash/explore.ts'
import { random, seed } from '../support/seed.ts'
import { crashScenario } from './crash-scenario.ts'
import { drawn } from './crash-scripts.ts'

/** Checks per script; the soak raises it. */
const states = Number(process.env['SPILLWAY_CRASH_STATES'] ?? 18_000)
const drawnOnes = Array.from({ length: 12 }, (_, index) => index + 1)

describe('power failures during scripts drawn from the seed', () => {
  let all = 0

  test.each(drawnOnes)('number %i breaks no promise', { timeout: 3_600_000 }, (nth) => {
    const title = `drawn script ${nth}`
    const script = drawn(random(seed + nth))
    const { distinct } = explore(crashScenario(script), {
      states,
      title,
      crashes: 3,
      again: 0.3,
      seed: seed + nth,
    })
    all += distinct
    expect(distinct).toBeGreaterThan(500)
  })

  test('were explored in enough distinct states', () => {
    console.log(`${all} distinct states explored, seed ${seed}`)
    expect(all).toBeGreaterThan(states * 3)
  })
})
