import { describe, expect, it } from 'vitest'
import { createLogBroker } from '../../src/log/index.ts'
import { capabilityNames, CapabilityMissingError, checkRequired, createBroker } from '../../src/index.ts'
import { makeCapabilities } from '../../src/core/capabilities.ts'

describe('capabilities', () => {
  it('say the same by name and by field', () => {
    const { capabilities } = createBroker()

    expect(capabilities).toMatchObject({
      broker: 'memory',
      groups: true,
      wildcards: true,
      acks: false,
      durable: false,
    })
    expect(capabilities.provides).toEqual(['groups', 'wildcards', 'order'])
    const all = makeCapabilities({
      broker: 'x',
      provides: capabilityNames,
      delivery: 'at-most-once',
      overflow: [],
    })
    expect(all.ackLevels).toEqual(['accepted', 'written', 'synced'])
  })

  it('let a broker start that provides what is required', () => {
    expect(createBroker({ requires: ['groups'] }).capabilities.broker).toBe('memory')
    expect(createLogBroker({ requires: ['replay'] }).capabilities.broker).toBe('log')
  })

  it('refuse to start a broker that lacks what is required, naming it', () => {
    // @ts-expect-error a memory broker is known not to be durable: this does not compile
    const start = (): unknown => createBroker({ requires: ['groups', 'durable'] })

    expect(start).toThrow(CapabilityMissingError)
    expect(start).toThrow(/"memory" does not provide durable\. It provides: groups, wildcards, order/)
  })

  it('refuse names that are no capabilities', () => {
    const { capabilities } = createBroker()

    expect(() => checkRequired(capabilities, ['exactly-once' as 'acks'])).toThrow(/Capabilities are: durable/)
    expect(() => checkRequired(capabilities, 'acks' as unknown as [])).toThrow(/Give an array/)
  })
})
