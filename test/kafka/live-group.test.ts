import { describe, expect, it } from 'vitest'
import { Observers } from '../../src/core/observers.ts'
import type { Deps } from '../../src/kafka/deps.ts'
import type { AdminDriver, KafkaDriver } from '../../src/kafka/driver.ts'
import { LiveGroup } from '../../src/kafka/live-group.ts'
import { kafkaSettings } from '../../src/kafka/options.ts'
import { TopicWatch } from '../../src/kafka/topic-watch.ts'
import { Wire } from '../../src/remote/wire.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { engines } from './support.ts'

const none = (): void => undefined
const part = { topic: 't', partition: 0 }

/** A group whose questions for its places are answered when, and with what, the test says. */
function setUp(): { readonly group: LiveGroup; readonly answers: ((committed: number) => void)[] } {
  const clock = new ManualClock()
  const answers: ((committed: number) => void)[] = []
  const admin: Pick<AdminDriver, 'committed' | 'bounds' | 'topics'> = {
    topics: () => Promise.resolve([]), // so that it makes no client: the test is the client
    bounds: () => Promise.resolve([{ partition: 0, low: 0, high: 100 }]),
    committed: () =>
      new Promise((resolve) => answers.push((committed) => resolve(new Map([['t/0', committed]])))),
  }
  const [kafkajs] = engines
  const settings = kafkaSettings({ kafka: kafkajs.connect({ brokers: [] }), clock })
  const observers = new Observers(none)
  const topics = new TopicWatch(admin as AdminDriver, clock, settings.topics, { up: none, down: none })
  const wire = new Wire(undefined)
  const driver = {} as KafkaDriver
  const deps: Deps = {
    driver,
    admin: admin as AdminDriver,
    topics,
    clock,
    observers,
    wire,
    settings,
    trouble: none,
  }
  const group = new LiveGroup(deps, {
    name: 'g',
    pattern: 't',
    from: 'start',
    settings: { ackDeadlineMs: Number.POSITIVE_INFINITY, maxInFlight: 10, orderingKey: undefined },
  })
  return { group, answers }
}

describe('a partition whose place is being looked up', () => {
  it('does not come when it has been taken away in the meantime', async () => {
    const { answers, group } = setUp()

    const assigned = group.assigned([part])
    await group.revoked()
    answers[0]?.(5)

    expect(await assigned).toEqual([])
    expect(group.lanes.all).toEqual([])
  })

  it('begins where the last assignment finds it, when it was taken away and has come back', async () => {
    const { answers, group } = setUp()

    const early = group.assigned([part])
    await group.revoked([part])
    const late = group.assigned([part])
    answers[0]?.(5) // another has handled more since
    expect(await early).toEqual([])
    answers[1]?.(9)

    expect(await late).toMatchObject([{ ...part, offset: 9 }])
    expect(group.lanes.all.map(({ place }) => place)).toEqual([9])
  })

  it('does not come when the membership was lost', async () => {
    const { answers, group } = setUp()

    const assigned = group.assigned([part])
    group.lost()
    answers[0]?.(5)

    expect(await assigned).toEqual([])
    expect(group.lanes.all).toEqual([])
  })
})
