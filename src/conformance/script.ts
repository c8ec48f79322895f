import type { Capability } from '../core/capabilities.ts'
import type { OverflowPolicy } from '../core/contract.ts'
import type { Mode, Transport } from './contract.ts'
import type { World } from './world.ts'

/** Parts of a transport that a scenario may need and that may be absent. */
export type Hook = 'another' | 'server' | 'link' | 'evict'

/** A scenario as it is written: on which transports it runs, and what happens. */
export interface Script {
  readonly name: string
  readonly title: string
  /** @defaultValue 'subscribe-first' */
  readonly mode?: Mode
  /** @defaultValue none: it is part of the contract of every broker */
  readonly needs?: readonly Capability[]
  /** Runs only where none of these is declared: what is not provided has to be refused. */
  readonly lacks?: readonly Capability[]
  readonly hooks?: readonly Hook[]
  /** Runs only where deliveries have a deadline. */
  readonly ackDeadline?: true
  readonly policy?: OverflowPolicy
  /** Runs only where the policy is not offered. */
  readonly lacksPolicy?: OverflowPolicy
  play(world: World): Promise<void>
}

/** Whether the transport declares what the script needs, whatever hooks it has. */
export function concerns(script: Script, { capabilities, noAckDeadline = false }: Transport): boolean {
  const has = (name: Capability): boolean => capabilities.provides.includes(name)
  if (!(script.needs ?? []).every(has) || (script.lacks ?? []).some(has)) return false
  if (script.ackDeadline === true && noAckDeadline) return false
  if (script.policy !== undefined && !capabilities.overflow.includes(script.policy)) return false
  return script.lacksPolicy === undefined || !capabilities.overflow.includes(script.lacksPolicy)
}

/** Whether the transport has the hooks that the script needs. */
export function playable(script: Script, transport: Transport): boolean {
  return (script.hooks ?? []).every((hook) => transport[hook] !== undefined)
}
