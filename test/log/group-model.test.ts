import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GroupState } from '../../src/log/group/group-state.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { fcParameters } from '../support/seed.ts'
import { command, run } from './group-world.ts'

const members = [{}, {}]

describe('a group', () => {
  test('does what a plain reference does, whatever happens to it', { timeout: 120_000 }, () => {
    const runs = fcParameters(3000)
    fc.assert(fc.property(fc.array(command, { minLength: 20, maxLength: 90 }), run), runs)
  })

  test('holds a bounded number of records while one is not acked', () => {
    let seq = 0
    const source = {
      take: () => ({ seq: seq++ }),
      get seq() {
        return seq
      },
    }
    const clock = new ManualClock()
    const settings = { ackDeadlineMs: 1e6, maxInFlight: 10, orderingKey: undefined }
    const group = new GroupState(clock, settings, source, [], {
      work: () => undefined,
      changed: () => undefined,
    })
    const stuck = group.take(members[0]!)
    for (let n = 0; n < 100_000; n++) {
      const delivery = group.take(members[1]!)
      if (delivery === undefined) break
      group.ack(delivery)
    }
    expect(seq).toBeLessThan(5000)
    expect(group.cursor).toBe(0)
    expect(group.memory.acked.length).toBeLessThan(4)
    expect(stuck !== undefined && group.ack(stuck)).toBe(true)
    expect(group.cursor).toBe(seq)
  })
})
