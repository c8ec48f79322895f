import { type CapabilityCard, certify, conformance, type Transport, type Verdict } from 'spillway/conformance'
import { capabilityNames } from '../../src/core/capabilities.ts'
import { overflowPolicies } from '../../src/core/settings.ts'
import { readSource } from '../support/source-tree.ts'
import type { BackedTransport } from './backed-transport.ts'
import type { MadeCard } from './cards-page.ts'

/** Runs the kit on a transport. Where its server cannot be started, the card says that nothing was looked at, and why. */
export async function makeCard({ end, start, transport }: BackedTransport): Promise<MadeCard> {
  try {
    const failure = await start().then(
      () => undefined,
      (error: unknown) => error ?? 'no reason was given',
    )
    if (failure === undefined) return { card: await certify(transport) }
    return { card: untested(transport), notStarted: firstLine(failure) }
  } finally {
    await end()
  }
}

/** The card of a transport of which nothing is known but what it declares. */
function untested(transport: Transport): CapabilityCard {
  const { broker, delivery, overflow, provides } = transport.capabilities
  const { version } = JSON.parse(readSource('package.json').text) as { readonly version: string }
  const verdicts = <Name extends string>(all: readonly Name[], declared: readonly Name[]) =>
    Object.fromEntries(
      all.map((name) => [name, declared.includes(name) ? 'untested' : 'not provided']),
    ) as Record<Name, Verdict>
  return {
    transport: transport.name,
    broker,
    version,
    delivery,
    ok: false,
    contract: 'untested',
    capabilities: verdicts(capabilityNames, provides),
    overflow: verdicts([...overflowPolicies, 'spill'], overflow),
    scenarios: [],
    leftOut: conformance(transport).map(({ name }) => name),
  }
}

function firstLine(error: unknown): string {
  const [line = ''] = String(error instanceof Error ? error.message : error).split('\n')
  return line
}
