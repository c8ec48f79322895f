import { describe, expect, test } from 'vitest'
import { explore } from '../crash/explore.ts'
import { random, seed } from '../support/seed.ts'
import { groupScenario } from './group-crash-scenario.ts'

/** Checks per run, enough to come to its end; the soak raises it. */
const states = Math.max(1500, Number(process.env['SPILLWAY_CRASH_STATES'] ?? 18_000) / 5)
const runs = Array.from({ length: 6 }, (_, index) => index + 1)

describe('power failures while groups take, ack in any order, return and are moved', () => {
  let all = 0

  test.each(runs)('run %i skips nothing that was not acked', { timeout: 3_600_000 }, async (nth) => {
    const scenario = await groupScenario(random(seed + 100 * nth), 100)
    const title = `groups, run ${nth}`
    const { distinct } = explore(scenario, { states, title, crashes: 3, again: 0.3, seed: seed + nth })
    all += distinct
    expect(distinct).toBeGreaterThan(states / 20)
  })

  test('were explored in enough distinct states', () => {
    console.log(`${all} distinct states of logs with groups explored, seed ${seed}`)
    expect(all).toBeGreaterThan(states * 1.5)
  })
})
