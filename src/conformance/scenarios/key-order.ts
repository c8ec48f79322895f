import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import type { Delivery } from '../../core/delivery.ts'
import type { Message } from '../../core/message.ts'
import type { Subscription } from '../../core/contract.ts'
import { numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import type { World } from '../world.ts'

/** Messages with equal keys stay in order, whatever becomes of one of them. */
export const keyOrder: readonly Script[] = [
  {
    name: 'key-order/reading',
    title: 'keeps the order of each key for those who only read',
    needs: ['keys', 'key-order'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('lanes')
      const heard = await world.listen(broker, topic)
      const sent = numbers(world.volume(200))
      await world.send(broker, topic, sent, (n) => ({ key: laneOf(n) }))
      await heard.exactlyTheSet(sent, 'all lanes')
      for (const lane of lanes)
        deepStrictEqual(
          heard.payloads.filter((n) => laneOf(n) === lane),
          sent.filter((n) => laneOf(n) === lane),
          `lane ${lane}`,
        )
    },
  },
  {
    name: 'key-order/nak',
    title: 'keeps the order of each key when deliveries are returned, and lets other keys pass',
    needs: ['acks', 'groups', 'keys', 'key-order'],
    play: playNak,
  },
  {
    name: 'key-order/rebalance',
    title:
      'keeps the order of each key when a second member, of another client if there can be one, joins and leaves',
    needs: ['acks', 'groups', 'keys', 'key-order'],
    play: playRebalance,
  },
]

const lanes = ['red', 'green', 'blue', 'white']
const laneOf = (n: unknown): string => lanes[(n as number) % lanes.length] ?? ''
const orderingKey = (message: Message): string | undefined => (message as Delivery).key

async function playNak(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('lanes')
  const member = await world.read(broker, topic, { group: world.group('g'), orderingKey })
  const sent = numbers(world.volume(80))
  await world.send(broker, topic, sent, (n) => ({ key: laneOf(n) }))
  const acked: unknown[] = []
  while (acked.length < sent.length) {
    const held = await world.takeWork(member, 1)
    // As many more as there are at once, from other lanes: what is behind an open delivery of its lane has to wait.
    for (let next = member.poll(); next !== undefined; next = held.length < 3 ? member.poll() : undefined)
      held.push(next as Delivery)
    const inHand = held.map(({ payload }) => laneOf(payload))
    strictEqual(new Set(inHand).size, inHand.length, `two of one lane are in hand: ${inHand.join(' ')}`)
    for (const delivery of held.toReversed()) {
      const { attempt, payload } = delivery
      if ((payload as number) % 7 === 3 && attempt < 3) await delivery.nak()
      else if (await delivery.ack()) acked.push(payload)
    }
  }
  for (const lane of lanes)
    deepStrictEqual(
      acked.filter((n) => laneOf(n) === lane),
      sent.filter((n) => laneOf(n) === lane),
      `the order in which lane ${lane} was finished`,
    )
}

/** Handles whatever a member gets, one after the other per lane as it comes, until the member ends. */
async function work(member: Subscription, done: (n: number) => void): Promise<void> {
  for await (const message of member) {
    done(message.payload as number)
    await (message as Delivery).ack()
  }
}

async function playRebalance(world: World): Promise<void> {
  const one = await world.open()
  const two = world.transport.another === undefined ? one : await world.another()
  const topic = await world.topic('lanes')
  const options = { group: world.group('g'), orderingKey }
  const done: number[] = []
  const note = (n: number): unknown => done.push(n)
  const first = await world.read(one, topic, options)
  const working = [work(first, note)]
  const each = world.volume(40)
  const rounds = 4
  let guest: Subscription | undefined
  for (let round = 0; round < rounds; round++) {
    await world.send(one, topic, numbers(each, round * each), (n) => ({ key: laneOf(n) }))
    if (round === 0) {
      guest = await world.read(two, topic, options)
      working.push(work(guest, note))
    }
    if (round === 2) await world.within(guest?.drain() ?? Promise.resolve(), 'a member that leaves in order')
  }
  await world.until(
    () => new Set(done).size === rounds * each,
    () => `${rounds * each} messages, got ${new Set(done).size}`,
  )
  for (const lane of lanes)
    checkLane(
      done.filter((n) => laneOf(n) === lane),
      lane,
    )
  first.close()
  await world.within(Promise.all(working), 'members that have left')
}

/** Repetitions are allowed, from a place a member had not settled: never a message before one that precedes it. */
function checkLane(seen: readonly number[], lane: string): void {
  let next = seen[0] ?? 0
  strictEqual(next, lanes.indexOf(lane), `the first of lane ${lane}`)
  for (const n of seen) {
    ok(n <= next, `lane ${lane}: ${n} came before ${next}; seen: ${seen.join(' ')}`)
    if (n === next) next += lanes.length
  }
}
