import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assertBalanced,
  type Broker,
  createBroker,
  type HandlerSubscription,
  type Message,
  overflowPolicies,
  type Subscription,
} from '../../src/index.ts'
import { createLogBroker } from '../../src/log/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { fcParameters } from '../support/seed.ts'
import { turn } from '../support/watch.ts'

const step = fc.record({
  do: fc.constantFrom('publish', 'publish', 'publish', 'subscribe', 'poll', 'poll', 'close', 'pass', 'abort'),
  topic: fc.constantFrom('a', 'a.x', 'b'),
  pattern: fc.constantFrom('a', 'a.*', '*', '>'),
  overflow: fc.constantFrom(...overflowPolicies, 'block', 'block'),
  form: fc.constantFrom('reader', 'reader', 'group', 'handler', 'queued'),
  capacity: fc.integer({ min: 1, max: 3 }),
  which: fc.nat({ max: 9 }),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Plays steps on a broker and writes down everything that can be seen of live subscriptions. */
async function play(make: (clock: ManualClock) => Broker, steps: readonly Step[]): Promise<unknown[]> {
  const clock = new ManualClock()
  const broker = make(clock)
  const seen: unknown[] = []
  const subscriptions: (Subscription | HandlerSubscription)[] = []
  const aborts: AbortController[] = []
  for (const [number, each] of steps.entries()) {
    const subscription = subscriptions[each.which % Math.max(1, subscriptions.length)]
    const controller = new AbortController()
    if (each.do === 'publish') {
      aborts.push(controller)
      const sent = broker.publish(each.topic, number, {
        signal: controller.signal,
        headers: { n: `${number}` },
      })
      sent.then(
        ({ level }) => seen.push([number, level]),
        (error: Error) => seen.push([number, error.name, error.message]),
      )
    } else if (each.do === 'subscribe') subscriptions.push(subscribe(broker, each, seen, number))
    else if (each.do === 'poll' && subscription !== undefined && 'poll' in subscription)
      seen.push(subscription.poll()?.payload)
    else if (each.do === 'close') subscription?.close()
    else if (each.do === 'pass') clock.advance(each.capacity * 10)
    else if (each.do === 'abort') aborts.at(-1 - (each.which % 2))?.abort(new Error('aborted'))
    await turn()
    const { mailboxes, ended, copies } = broker.ledger()
    assertBalanced(broker.ledger())
    seen.push({ mailboxes, ended, copies })
  }
  await broker.close()
  await turn()
  return [...seen, broker.ledger().ended, clock.timers]
}

/** One function, or the members of a group would contradict each other. */
const byTopic = ({ topic }: Message): string => topic

function subscribe(
  broker: Broker,
  { pattern, overflow, form, capacity }: Step,
  seen: unknown[],
  number: number,
) {
  const policy =
    overflow === 'latest'
      ? { overflow, key: byTopic }
      : overflow === 'block'
        ? { overflow, blockTimeoutMs: 25 }
        : { overflow }
  const options = { ...policy, capacity }
  if (form === 'reader') return broker.subscribe(pattern, options)
  if (form === 'group')
    return broker.subscribe(pattern, { ...options, group: `${pattern} ${overflow} ${capacity}` })
  const handler = ({ payload, headers }: Message) => void seen.push([number, payload, headers])
  return broker.subscribe(pattern, handler, { ...options, delivery: form === 'queued' ? 'queued' : 'direct' })
}

describe('a subscription without from', () => {
  it('on a log is that of the memory broker, under every policy and form', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const observer = { warning: () => undefined }
        const inMemory = await play((clock) => createBroker({ clock, observer }), steps)
        const onLog = await play(
          (clock) => createLogBroker({ clock, observer, retention: { count: 2 } }),
          steps,
        )
        expect(onLog).toEqual(inMemory)
      }),
      fcParameters(300),
    )
  })
})
