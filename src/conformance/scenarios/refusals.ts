import { deepStrictEqual, ok } from 'node:assert/strict'
import { type Capability, capabilityNames } from '../../core/capabilities.ts'
import type { OverflowPolicy, SubscribeOptions } from '../../core/contract.ts'
import { CapabilityMissingError, InvalidOptionError } from '../../core/errors.ts'
import { overflowPolicies } from '../../core/settings.ts'
import type { OpenOptions } from '../contract.ts'
import type { Script } from '../script.ts'
import { failureOf } from '../wait.ts'

/** What is not declared is refused, at once and by its name. */
export const refusals: readonly Script[] = [
  {
    name: 'refusals/requires',
    title: 'starts when everything is provided that is required, and refuses to when anything is missing',
    async play(world) {
      const { provides } = world.transport.capabilities
      await world.open(requiring(provides))
      for (const { broker } of world.opened) await broker.close()
      for (const name of capabilityNames.filter((name) => !provides.includes(name))) {
        const error = await failureOf(() => world.open(requiring([name])), `a broker that requires "${name}"`)
        ok(error instanceof CapabilityMissingError, `requires: ["${name}"] is refused with ${String(error)}`)
        deepStrictEqual(error.missing, [name], 'what is missing')
      }
    },
  },
  {
    name: 'refusals/from',
    title: 'refuses `from`, because it keeps no messages',
    lacks: ['replay'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('past')
      for (const from of ['start', 0, -1, new Date(0)] as const) {
        const error = await failureOf(() => broker.subscribe(topic, { from }), `from: ${String(from)}`)
        ok(error instanceof InvalidOptionError, `from: ${String(from)} is refused with ${String(error)}`)
      }
    },
  },
  {
    name: 'refusals/options',
    title: 'refuses values that options cannot have, without making a subscription',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('options')
      const wrong: readonly Record<string, unknown>[] = [
        { overflow: 'never' },
        { capacity: 0 },
        { capacity: 1.5 },
        { capacity: -1 },
        { capacity: 'many' },
        { onDrop: 'text' },
      ]
      for (const options of wrong) {
        const what = JSON.stringify(options)
        const error = await failureOf(() => broker.subscribe(topic, options as SubscribeOptions), what)
        ok(error instanceof InvalidOptionError, `${what} is refused with ${String(error)}`)
      }
      deepStrictEqual(broker.ledger().mailboxes, [], 'a subscription that was refused has a mailbox')
    },
  },
  ...([...overflowPolicies, 'spill'] as const).map((policy): Script => ({
    name: `refusals/${policy}`,
    title: `refuses the policy ${policy}, which it does not offer`,
    lacksPolicy: policy,
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('options')
      const error = await failureOf(() => broker.subscribe(topic, asked(policy)), `the policy ${policy}`)
      ok(error instanceof InvalidOptionError, `the policy ${policy} is refused with ${String(error)}`)
    },
  })),
]

function requiring(names: readonly Capability[]): OpenOptions {
  return { requires: names as readonly never[] }
}

function asked(overflow: OverflowPolicy): SubscribeOptions {
  return overflow === 'latest' ? { overflow, key: ({ payload }) => payload } : { overflow }
}
