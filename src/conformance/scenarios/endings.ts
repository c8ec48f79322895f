import { ok, strictEqual } from 'node:assert/strict'
import { BrokerClosedError, SpillwayError } from '../../core/errors.ts'
import { numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import { failureOf, rejectionOf, turn } from '../wait.ts'
import type { World } from '../world.ts'

/** What ends, ends once, for good, and says what it has left. */
export const endings: readonly Script[] = [
  {
    name: 'endings/close-twice',
    title: 'closes once, however often it is asked, at once or later, also beside a drain',
    async play(world) {
      const broker = await world.open()
      const reader = await world.read(broker, await world.topic('end'))
      reader.close()
      reader.close()
      const all = [broker.close(), broker.close(), broker.drain(), broker.close()]
      await world.within(Promise.all(all), 'all calls of close and drain')
      await world.within(broker.close(), 'a later close')
      await world.within(broker.drain(), 'a later drain')
    },
  },
  {
    name: 'endings/after-close',
    title: 'refuses to publish and to subscribe after it has closed',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('end')
      await world.within(broker.close(), 'close')
      const error = await rejectionOf(
        world.within(broker.publish(topic, 0), 'a rejection'),
        'publish after close',
      )
      ok(error instanceof BrokerClosedError, `publish after close: ${String(error)}`)
      const thrown = await failureOf(() => broker.subscribe(topic), 'subscribe after close')
      ok(thrown instanceof BrokerClosedError, `subscribe after close: ${String(thrown)}`)
    },
  },
  {
    name: 'endings/close-ends-loops',
    title: 'ends every loop and every call of next when it closes',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('end')
      const heard = [await world.listen(broker, topic), await world.listen(broker, topic)]
      const reader = await world.read(broker, topic)
      const asked = [reader.next(), reader.next()]
      await world.within(broker.close(), 'close')
      for (const result of await world.within(Promise.all(asked), 'calls of next'))
        strictEqual(result.done, true)
      await world.until(() => heard.every(({ ended }) => ended), 'every loop ends')
      ok(
        heard.every(({ failure }) => failure === undefined),
        'a close is no error',
      )
    },
  },
  {
    name: 'endings/close-while-publishing',
    title: 'settles every publish that a close meets: either with a receipt or with a typed error',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('end')
      await world.listen(broker, topic)
      const publishes = numbers(world.volume(50)).map((n) => broker.publish(topic, n))
      const closed = broker.close()
      publishes.push(broker.publish(topic, -1))
      const settled = await world.within(Promise.allSettled(publishes), 'every publish')
      for (const result of settled)
        if (result.status === 'rejected')
          ok(result.reason instanceof SpillwayError, `a publish rejects with ${String(result.reason)}`)
      strictEqual(settled.at(-1)?.status, 'rejected', 'a publish after close() was called')
      await world.within(closed, 'close')
    },
  },
  {
    name: 'endings/one-by-one',
    title: 'goes on for the subscriptions that are left while others close',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('fewer')
      const heard = await Promise.all(numbers(4).map(() => world.listen(broker, topic)))
      for (let round = 0; round < heard.length; round++) {
        await world.send(broker, topic, [round])
        for (const one of heard.slice(round)) await one.reach(round + 1)
        heard[round]?.subscription.close()
      }
      world.atEnd.push(() => {
        for (const [index, { count }] of heard.entries())
          strictEqual(count, index + 1, `messages of subscription ${index}, closed after ${index + 1}`)
      })
    },
  },
  {
    name: 'endings/churn',
    title: 'loses nothing for a subscription that stays while others come and go',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('churn')
      const stays = await world.listen(broker, topic)
      const sent = numbers(world.volume(100))
      for (const n of sent) {
        const guest = broker.subscribe(topic)
        const publish = broker.publish(topic, n)
        if (n % 2 === 0) guest.close()
        await world.within(publish, 'a publish')
        guest.close()
      }
      await stays.exactlyTheSet(sent, 'the subscription that stays')
    },
  },
  {
    name: 'endings/drain',
    title: 'drains: takes nothing new, lets a slow handler finish what has come, and reports it',
    play: playDrain,
  },
  {
    name: 'endings/drain-deadline',
    title: 'gives up a drain at its deadline, and reports what was dropped',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('stuck')
      const reader = await world.read(broker, topic)
      await world.send(broker, topic, numbers(10))
      await world.until(() => reader.pending === 10, 'ten messages are pending')
      const report = await world.within(broker.drain({ timeoutMs: 50 }), 'a drain with a deadline of 50 ms')
      strictEqual(report.complete, false, 'a drain that gave up says it is complete')
      strictEqual(report.dropped, 10, 'dropped')
      strictEqual(broker.ledger().ended.dropped.closed, 10, 'the ledger counts them as closed')
    },
  },
  {
    name: 'endings/subscription-drain',
    title: 'drains a subscription: what is pending is read, then it ends',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('tail')
      const reader = await world.read(broker, topic)
      await world.send(broker, topic, numbers(5))
      await world.until(() => reader.pending === 5, 'five messages are pending')
      const drained = reader.drain()
      const got: unknown[] = []
      for await (const { payload } of reader) got.push(payload)
      strictEqual(got.length, 5, 'messages read while draining')
      await world.within(drained, 'the drain')
      strictEqual(reader.closed, true)
    },
  },
]

async function playDrain(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('rest')
  let [begun, finished] = [0, 0]
  let release: () => void = () => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  await world.handle(broker, topic, async () => {
    begun++
    await released
    await turn()
    finished++
  })
  await world.send(broker, topic, numbers(10))
  // All of them have come before the drain begins; what is on its way to a drain may be left out.
  await world.until(
    () => broker.ledger().mailboxes.some(({ routed }) => routed === 10),
    'ten copies have come',
  )
  const drained = broker.drain()
  const late = await rejectionOf(
    world.within(broker.publish(topic, 11), 'a rejection'),
    'publish while draining',
  )
  ok(late instanceof BrokerClosedError, `publish while draining: ${String(late)}`)
  release()
  const report = await world.within(drained, 'the drain')
  strictEqual(begun, 10, 'messages handed to the handler')
  strictEqual(finished, 10, 'calls that had settled when the drain resolved')
  strictEqual(report.complete, true, 'the report says that the drain is not complete')
  strictEqual(report.dropped, 0, 'the report says that something was dropped')
}
