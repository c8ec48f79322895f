import fc from 'fast-check'
import { expect, it } from 'vitest'
import { assertBalanced, dropReasons, type MailboxLedger } from '../../src/index.ts'
import { fcParameters } from '../support/seed.ts'
import { type Command, commands } from './commands.ts'
import { World } from './world.ts'

/** Steps of one `npm test`; `SPILLWAY_RUNS` multiplies them. */
const wantedSteps = 100_000
const averageSteps = 100

let steps = 0

async function play(script: readonly Command[]): Promise<void> {
  const world = new World()
  for (const command of script) {
    await world.run(command)
    steps++
    compare(world, JSON.stringify(command))
  }
  await world.finish()
  compare(world, 'finish')
  expect(world.broker.ledger().mailboxes).toEqual([])
}

/** Every counter of every mailbox, and what became of every publish. */
function compare(world: World, step: string): void {
  const ledger = world.broker.ledger()
  assertBalanced(ledger)
  const live = new Map(ledger.mailboxes.map((mailbox) => [mailbox.id, mailbox]))
  for (const [id, { model, name }] of world.consumers) {
    const real = live.get(id)
    if (model.mailbox.ended) {
      if (real !== undefined) throw new Error(`${step}: ${name} should have ended`)
    } else {
      if (real === undefined) throw new Error(`${step}: ${name} is missing from the ledger`)
      sameCounts(step, name, real, model.mailbox.counts())
    }
  }
  expect([ledger.published, ledger.unrouted], step).toEqual([world.published, world.unrouted])
  world.checkOutcomes(step)
}

function sameCounts(
  step: string,
  name: string,
  real: MailboxLedger,
  model: Omit<MailboxLedger, never> | object,
): void {
  const { routed, delivered, pending, waiting, dropped } = real
  const losses = Object.fromEntries(dropReasons.map((reason) => [reason, dropped[reason]]))
  const seen = JSON.stringify({ routed, delivered, dropped: losses, pending, waiting })
  if (seen !== JSON.stringify(model)) {
    throw new Error(`${step}: ${name}\n  broker ${seen}\n  model  ${JSON.stringify(model)}`)
  }
}

it(`equals the reference model after each of ${wantedSteps.toLocaleString('en')} random steps`, async () => {
  // The smallest counterexample is enough: every failing script would fill the screen.
  const parameters = { ...fcParameters((1.2 * wantedSteps) / averageSteps), verbose: fc.VerbosityLevel.None }
  const script = fc.array(commands, { maxLength: 2 * averageSteps, size: 'max' })
  await fc.assert(fc.asyncProperty(script, play), parameters)
  expect(steps).toBeGreaterThanOrEqual(wantedSteps)
}, 600_000)
