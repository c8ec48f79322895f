import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { BrokerClosedError, PublishTimeoutError } from '../../core/errors.ts'
import { totalDropped } from '../../core/ledger.ts'
import { numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import { rejectionOf } from '../wait.ts'
import type { World } from '../world.ts'

const capacity = 4
const policy = 'block'

/**
 * The policy that loses nothing. In one process it makes publishers wait; with a server in between it is the server, or the
 * client, that holds messages back.
 */
export const blocking: readonly Script[] = [
  {
    name: 'overload/block-stuck',
    title: 'loses nothing under block with a subscriber that is stuck and then reads',
    policy,
    play: playStuck,
  },
  {
    name: 'overload/block-slow',
    title: 'loses nothing under block with a slow subscriber, and keeps the mailbox within its capacity',
    policy,
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('slow')
      const reader = await world.read(broker, topic, { overflow: policy, capacity })
      const sent = numbers(60)
      const sending = world.send(broker, topic, sent)
      const got: unknown[] = []
      for (const _ of sent) {
        const [message] = await world.take(reader, 1)
        got.push(message?.payload)
        ok(reader.pending <= capacity, `${reader.pending} copies in a mailbox of ${capacity}`)
      }
      await sending
      deepStrictEqual(inOrder(world, got), sent)
      strictEqual(totalDropped(reader.ledger()), 0, 'copies dropped under block')
    },
  },
  {
    name: 'overload/block-bursty',
    title: 'loses nothing under block with bursts larger than the mailbox',
    policy,
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('bursts')
      const heard = await world.listen(broker, topic, { overflow: policy, capacity })
      for (let burst = 0; burst < 5; burst++) await world.send(broker, topic, numbers(20, burst * 20))
      await heard.exactlyTheSet(numbers(100), 'five bursts')
      strictEqual(totalDropped(heard.subscription.ledger()), 0, 'copies dropped under block')
    },
  },
  {
    name: 'overload/block-deadline',
    title: 'gives up a publish that waits too long, says who has stalled it, and counts the copy',
    policy,
    lacks: ['remote'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('deadline')
      const reader = await world.read(broker, topic, { overflow: policy, capacity, blockTimeoutMs: 40 })
      await world.send(broker, topic, numbers(capacity))
      const since = performance.now()
      const error = await rejectionOf(
        world.within(broker.publish(topic, 99), 'a timeout'),
        'a publish without room',
      )
      ok(error instanceof PublishTimeoutError, `it rejects with ${String(error)}`)
      deepStrictEqual(
        error.stalled.map(({ id }) => id),
        [reader.id],
      )
      ok(performance.now() - since >= 39, 'it gave up before its deadline')
      strictEqual(reader.ledger().dropped.timeout, 1, 'copies counted as timeout')
    },
  },
  {
    name: 'overload/block-released',
    title:
      'releases a publish that waits when the subscription closes, its own signal aborts, or the broker closes',
    policy,
    lacks: ['remote'],
    play: playReleased,
  },
]

/** The payloads, sorted where the broker keeps no order. */
function inOrder(world: World, payloads: readonly unknown[]): readonly unknown[] {
  if (world.transport.capabilities.provides.includes('order')) return payloads
  return payloads.toSorted((a, b) => Number(a) - Number(b))
}

async function playStuck(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('stuck')
  const reader = await world.read(broker, topic, { overflow: policy, capacity })
  const sent = numbers(20)
  const publishes = world.send(broker, topic, sent)
  await world.until(() => reader.pending === capacity, 'the mailbox is full')
  if (world.local)
    await world.until(() => reader.ledger().waiting === sent.length - capacity, 'the others wait for room')
  const got = (await world.take(reader, sent.length)).map(({ payload }) => payload)
  deepStrictEqual(inOrder(world, got), sent)
  await publishes
  strictEqual(totalDropped(reader.ledger()), 0, 'copies dropped under block')
}

async function playReleased(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('released')
  const fill = async (): Promise<void> => {
    await world.send(broker, topic, numbers(capacity))
  }
  const first = await world.read(broker, topic, { overflow: policy, capacity })
  await fill()
  const released = broker.publish(topic, 'released')
  await world.until(() => first.ledger().waiting === 1, 'a publish waits')
  first.close()
  await world.within(released, 'a publish whose subscription has closed')

  const second = await world.read(broker, topic, { overflow: policy, capacity })
  await fill()
  const stop = new AbortController()
  const aborted = rejectionOf(broker.publish(topic, 'aborted', { signal: stop.signal }), 'an aborted publish')
  await world.until(() => second.ledger().waiting === 1, 'a publish waits')
  stop.abort(new Error('no longer'))
  strictEqual(String(await world.within(aborted, 'an abort')), 'Error: no longer')
  strictEqual(second.ledger().dropped.aborted, 1, 'copies counted as aborted')

  const last = rejectionOf(broker.publish(topic, 'last'), 'a publish that waited while the broker closed')
  await world.until(() => second.ledger().waiting === 1, 'a publish waits')
  await world.within(broker.close(), 'close')
  const error = await world.within(last, 'a rejection')
  ok(error instanceof BrokerClosedError, `it rejects with ${String(error)}`)
}
