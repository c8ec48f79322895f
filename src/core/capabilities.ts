import type { AckLevel, Capabilities, OverflowPolicy } from './contract.ts'
import { CapabilityMissingError, InvalidOptionError } from './errors.ts'

/** Something a broker promises or does not: a closed set, each with its scenarios in `spillway/conformance`. */
export type Capability =
  /** What an awaited publish stored survives the end of the process that published it. */
  | 'durable'
  /** `from` may ask for messages published earlier. */
  | 'replay'
  /** Deliveries of a group have `ack`, `nak` and `extend`; what is not acknowledged is delivered again. */
  | 'acks'
  /** `group` shares messages among its members. */
  | 'groups'
  /** Patterns with `*` and `>`. */
  | 'wildcards'
  /** Messages keep the `key` they were published with. */
  | 'keys'
  /** One publisher's messages on one topic reach each subscriber in publish order. */
  | 'order'
  /** The same, of messages with an equal key. */
  | 'key-order'
  /** `nak({ delayMs })` waits so long before the message is delivered again. */
  | 'nak-delay'
  /** `attempt` goes on counting when another member or process gets the message. */
  | 'attempts'
  /** A second publish with the same `id`, within the window of the broker, is stored once. */
  | 'dedupe'
  /** Reaches other processes. */
  | 'remote'
  /** Goes on by itself when its server has been away. */
  | 'reconnect'
  /** An awaited publish can mean that the message is in the memory of the operating system of whoever keeps it. */
  | 'written'
  /** An awaited publish can mean that the message survives the loss of power. */
  | 'synced'

/** Every capability, in the order cards show them. */
export const capabilityNames: readonly Capability[] = Object.freeze([
  'durable',
  'replay',
  'acks',
  'groups',
  'wildcards',
  'keys',
  'order',
  'key-order',
  'nak-delay',
  'attempts',
  'dedupe',
  'remote',
  'reconnect',
  'written',
  'synced',
] as const)

interface Card<C extends Capability> {
  readonly broker: string
  readonly provides: readonly C[]
  readonly delivery: Capabilities['delivery']
  readonly overflow: readonly OverflowPolicy[]
}

/** Makes the capabilities of a broker from the names of what it provides, so that the card cannot contradict itself. */
export function makeCapabilities<C extends Capability>({
  broker,
  delivery,
  overflow,
  provides,
}: Card<C>): Capabilities<C> {
  const has = (name: Capability): boolean => (provides as readonly Capability[]).includes(name)
  const levels: AckLevel[] = ['accepted']
  if (has('written')) levels.push('written')
  if (has('synced')) levels.push('synced')
  return Object.freeze({
    broker,
    durable: has('durable'),
    replay: has('replay'),
    acks: has('acks'),
    groups: has('groups'),
    wildcards: has('wildcards'),
    delivery,
    ackLevels: Object.freeze(levels),
    overflow: Object.freeze([...overflow]),
    provides: Object.freeze([...provides]),
  })
}

/**
 * Refuses to start with a broker that does not promise what is needed.
 *
 * @throws CapabilityMissingError naming what is missing and what the broker has
 * @throws InvalidOptionError for a name that is no capability
 */
export function checkRequired(capabilities: Capabilities, requires: readonly Capability[] | undefined): void {
  if (requires === undefined) return
  if (!Array.isArray(requires))
    throw new InvalidOptionError('requires', requires, `Give an array of: ${capabilityNames.join(', ')}.`)
  for (const name of requires) {
    if (!capabilityNames.includes(name))
      throw new InvalidOptionError('requires', name, `Capabilities are: ${capabilityNames.join(', ')}.`)
  }
  const missing = requires.filter((name) => !capabilities.provides.includes(name))
  if (missing.length > 0)
    throw new CapabilityMissingError(capabilities.broker, missing, capabilities.provides)
}
