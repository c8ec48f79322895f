import { readFileSync } from 'node:fs'
import { type Capability, capabilityNames } from '../core/capabilities.ts'
import type { OverflowPolicy } from '../core/contract.ts'
import { overflowPolicies } from '../core/settings.ts'
import { conformance, leftOut } from './conformance.ts'
import type { CapabilityCard, Scenario, ScenarioResult, Transport, Verdict } from './contract.ts'

const allPolicies: readonly OverflowPolicy[] = [...overflowPolicies, 'spill']

/** Runs every scenario, one after the other, and says what the transport has shown. Rejects only for faults of the kit. */
export async function certify(transport: Transport): Promise<CapabilityCard> {
  const runs: Run[] = []
  for (const scenario of conformance(transport)) runs.push({ scenario, result: await resultOf(scenario) })
  const { broker, delivery, overflow, provides } = transport.capabilities
  const verdictFor = (declared: boolean, concerned: (scenario: Scenario) => boolean): Verdict =>
    declared ? verdict(runs.filter(({ scenario }) => concerned(scenario))) : 'not provided'
  const capabilities = capabilityNames.map(
    (name) => [name, verdictFor(provides.includes(name), ({ needs }) => needs.includes(name))] as const,
  )
  const policies = allPolicies.map(
    (name) => [name, verdictFor(overflow.includes(name), ({ policy }) => policy === name)] as const,
  )
  return {
    transport: transport.name,
    broker,
    version: version(),
    delivery,
    ok: runs.every(({ result }) => result.ok),
    contract: verdictFor(true, ({ needs, policy }) => needs.length === 0 && policy === undefined),
    capabilities: Object.fromEntries(capabilities) as Record<Capability, Verdict>,
    overflow: Object.fromEntries(policies) as Record<OverflowPolicy, Verdict>,
    scenarios: runs.map(({ result }) => result),
    leftOut: leftOut(transport),
  }
}

interface Run {
  readonly scenario: Scenario
  readonly result: ScenarioResult
}

function verdict(runs: readonly Run[]): Verdict {
  if (runs.length === 0) return 'untested'
  return runs.every(({ result }) => result.ok) ? 'certified' : 'failed'
}

async function resultOf({ name, run, title }: Scenario): Promise<ScenarioResult> {
  const since = performance.now()
  const took = (): number => Math.round(performance.now() - since)
  try {
    await run()
    return { name, title, ok: true, durationMs: took() }
  } catch (error) {
    return { name, title, ok: false, durationMs: took(), error: describeError(error) }
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : ` (${describeError(error.cause)})`
  return `${error.message}${cause}`
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return (manifest as { readonly version: string }).version
}
