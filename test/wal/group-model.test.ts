import fc from 'fast-check'
import { test } from 'vitest'
import { fcParameters } from '../support/seed.ts'
import { setting, step } from './group-broker-steps.ts'
import { GroupBrokerWorld } from './group-broker-world.ts'

test(
  'a group on a log does what a plain reference does, through kills, power cuts and reopening',
  { timeout: 600_000 },
  async () => {
    const steps = fc.array(step, { minLength: 20, maxLength: 80 })
    const property = fc.asyncProperty(setting, steps, async (how, what) => {
      const world = new GroupBrokerWorld(how)
      await world.begin()
      for (const one of what) await world.step(one)
      await world.finish()
    })
    await fc.assert(property, fcParameters(60))
  },
)
