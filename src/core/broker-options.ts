import { makeCapabilities } from './capabilities.ts'
import type { Clock } from './clock.ts'
import type { Capabilities } from './contract.ts'
import type { Observer } from './observer.ts'
import type { PayloadSchema } from './schema.ts'
import { overflowPolicies } from './settings.ts'
import type { SpillStore } from './spill.ts'

/** What the broker of `createBroker` provides. */
export type MemoryCapability = 'groups' | 'wildcards' | 'order'

export interface BrokerOptions {
  /** Refuses to start unless the broker provides these. @defaultValue none */
  readonly requires?: readonly MemoryCapability[]
  /** Validates payloads at publish: a Standard Schema per topic or pattern; the topic's own wins. Costs the validation. */
  readonly schemas?: Readonly<Record<string, PayloadSchema>>
  /** Hears of everything from the first event on. */
  readonly observer?: Observer
  /** Where time comes from. @defaultValue the clock of the machine */
  readonly clock?: Clock
  /** Where mailboxes with the policy `spill` put what they cannot hold: `openSpillArea` of `spillway/wal`. The broker does not close it. */
  readonly spill?: SpillStore
}

/** What the broker inside this process promises. */
export const memoryCapabilities: Capabilities<MemoryCapability> = makeCapabilities({
  broker: 'memory',
  provides: ['groups', 'wildcards', 'order'],
  delivery: 'at-most-once',
  overflow: overflowPolicies,
})

/** What it promises when it has a place on disk. */
export const spillingCapabilities: Capabilities<MemoryCapability> = Object.freeze({
  ...memoryCapabilities,
  overflow: Object.freeze([...overflowPolicies, 'spill'] as const),
})
