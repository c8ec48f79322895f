import type { Scenario, Transport } from './contract.ts'
import { playAndAudit } from './audit.ts'
import { scripts } from './scenarios/all.ts'
import { concerns, playable, type Script } from './script.ts'

/**
 * The scenarios that a transport has to pass: those whose capabilities it declares and whose hooks it has. Run one at a
 * time; which runner calls them does not matter.
 *
 * @example
 * for (const { title, run } of conformance(transport)) test(title, run)
 */
export function conformance(transport: Transport): readonly Scenario[] {
  return scripts
    .filter((script) => concerns(script, transport) && playable(script, transport))
    .map((script) => toScenario(script, transport))
}

/** The names of those that it would have to pass as well, if it had the hooks for them. */
export function leftOut(transport: Transport): readonly string[] {
  return scripts
    .filter((script) => concerns(script, transport) && !playable(script, transport))
    .map(({ name }) => name)
}

function toScenario(script: Script, transport: Transport): Scenario {
  return {
    name: script.name,
    title: script.title,
    mode: script.mode ?? 'subscribe-first',
    needs: script.needs ?? [],
    policy: script.policy,
    run: () => playAndAudit(script, transport),
  }
}
