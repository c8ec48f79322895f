import { ok, strictEqual } from 'node:assert/strict'
import type { HandlerSubscription } from '../../core/contract.ts'
import { SpillwayError } from '../../core/errors.ts'
import type { Heard } from '../heard.ts'
import { numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import type { World } from '../world.ts'

/** What a handler may do to the broker that calls it: everything. */
export const reentrancy: readonly Script[] = [
  {
    name: 'reentrancy/close-own',
    title: 'lets a handler close its own subscription, and calls it no more',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('self')
      const heard = await world.listen(broker, topic)
      let calls = 0
      const own: { subscription?: HandlerSubscription } = {}
      own.subscription = await world.handle(broker, topic, () => {
        calls++
        own.subscription?.close()
      })
      await world.send(broker, topic, numbers(10))
      await heard.reach(10)
      await world.until(() => own.subscription?.closed === true, 'the subscription closes')
      strictEqual(calls, 1, 'calls of a handler that closes itself at the first')
    },
  },
  {
    name: 'reentrancy/close-other',
    title: 'lets a handler close another subscription, which then gets nothing more',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('other')
      let after = 0
      const other: { subscription?: HandlerSubscription } = {}
      const stays = await world.listen(broker, topic)
      await world.handle(broker, topic, ({ payload }) => {
        if (payload === 5) other.subscription?.close()
      })
      other.subscription = await world.handle(broker, topic, () => {
        if (other.subscription?.closed === true) after++
      })
      await world.send(broker, topic, numbers(20))
      await stays.exactlyTheSet(numbers(20), 'a third subscription')
      strictEqual(after, 0, 'calls of a handler whose subscription is closed')
    },
  },
  {
    name: 'reentrancy/subscribe',
    title: 'lets a handler subscribe, and the new subscription hears what comes later',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('more')
      const made: Promise<Heard>[] = []
      await world.handle(broker, topic, ({ payload }) => {
        if (payload === 'first') made.push(world.listen(broker, topic))
      })
      await world.send(broker, topic, ['first'])
      await world.until(() => made.length === 1, 'the handler is called')
      const heard = await made[0]
      await world.send(broker, topic, ['second'])
      await world.until(
        () => heard?.payloads.includes('second') === true,
        'the new subscription hears the second',
      )
    },
  },
  {
    name: 'reentrancy/publish',
    title: 'lets handlers publish to each other, a long chain of them',
    async play(world) {
      const broker = await world.open()
      const [ping = '', pong = ''] = await world.topics(['ping', 'pong'])
      const length = world.volume(100)
      const seen: number[] = []
      const answer =
        (to: string) =>
        async ({ payload }: { readonly payload: unknown }) => {
          seen.push(payload as number)
          if ((payload as number) < length) await broker.publish(to, (payload as number) + 1)
        }
      await world.handle(broker, ping, answer(pong), { concurrency: 4 })
      await world.handle(broker, pong, answer(ping), { concurrency: 4 })
      await world.send(broker, ping, [0])
      await world.until(
        () => seen.length === length + 1,
        () => `a chain of ${length} publishes; it got to ${seen.length}`,
      )
    },
  },
  ...(['block', 'fail', 'drop-newest'] as const).map((policy): Script => ({
    name: `reentrancy/own-full-topic-${policy}`,
    title: `settles what a handler publishes to its own full mailbox under ${policy}, and goes on`,
    policy,
    play: (world) => playOwnFullTopic(world, policy),
  })),
]

async function playOwnFullTopic(world: World, overflow: 'block' | 'fail' | 'drop-newest'): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('own')
  const outcomes: unknown[] = []
  let calls = 0
  await world.handle(
    broker,
    topic,
    async ({ payload }) => {
      calls++
      if (payload !== 'begin') return
      // More than the mailbox takes, while its only reader is busy here.
      for (let n = 0; n < 4; n++)
        outcomes.push(await broker.publish(topic, n).catch((error: unknown) => error))
    },
    { overflow, capacity: 1 },
  )
  await world.send(broker, topic, ['begin'])
  await world.until(
    () => outcomes.length === 4,
    () => `a handler publishes four times to its own full mailbox; it is stuck after ${outcomes.length}`,
  )
  for (const outcome of outcomes)
    if (outcome instanceof Error) ok(outcome instanceof SpillwayError, `refused with ${String(outcome)}`)
  const idle = (): boolean =>
    broker.ledger().mailboxes.every(({ pending, waiting }) => pending + waiting === 0)
  await world.until(idle, 'the mailbox of the handler is empty again')
  const before = calls
  await world.send(broker, topic, ['end'])
  await world.until(() => calls > before, 'the handler goes on')
}
