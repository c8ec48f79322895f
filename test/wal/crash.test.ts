import { describe, expect, test } from 'vitest'
import { explore } from '../crash/explore.ts'
import { crashScenario } from './crash-scenario.ts'
import { scripts } from './crash-scripts.ts'

/** Checks per script; the soak raises it. */
const states = Number(process.env['SPILLWAY_CRASH_STATES'] ?? 18_000)

describe('power failures', () => {
  test.each(Object.entries(scripts))('%s', { timeout: 3_600_000 }, (title, script) => {
    const { distinct } = explore(crashScenario(script), { states, title, crashes: 3, again: 0.3 })
    expect(distinct).toBeGreaterThan(states / 4)
  })
})
