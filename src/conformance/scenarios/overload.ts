import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import type {
  Broker,
  DropReason,
  OverflowPolicy,
  SubscribeOptions,
  Subscription,
} from '../../core/contract.ts'
import { MailboxFullError, SlowSubscriberError } from '../../core/errors.ts'
import type { MailboxCounts } from '../../core/ledger.ts'
import { overflowPolicies } from '../../core/settings.ts'
import { numbers } from '../heard.ts'
import { MailboxModel } from '../mailbox-model.ts'
import type { Script } from '../script.ts'
import { rejectionOf } from '../wait.ts'
import type { World } from '../world.ts'

/** How publisher and subscriber go together: so many messages, then so many are read, and so on. */
interface Rhythm {
  readonly name: string
  readonly says: string
  readonly rounds: number
  readonly published: number
  readonly read: number
}

const capacity = 8
const rhythms: readonly Rhythm[] = [
  { name: 'stuck', says: 'a subscriber that is stuck', rounds: 1, published: 40, read: 0 },
  { name: 'slow', says: 'a subscriber five times too slow', rounds: 12, published: 5, read: 1 },
  { name: 'bursty', says: 'bursts larger than the mailbox', rounds: 5, published: 20, read: 20 },
]

/** Every policy under every kind of overload: which messages arrive, and as what the others are counted. */
export const overload: readonly Script[] = [
  ...([...overflowPolicies, 'spill'] as const)
    .filter((policy) => policy !== 'block' && policy !== 'disconnect')
    .flatMap((policy) =>
      rhythms.map((rhythm): Script => ({
        name: `overload/${policy}-${rhythm.name}`,
        title: `delivers and counts exactly what ${policy} says with ${rhythm.says}`,
        policy,
        play: (world) => playAgainstModel(world, policy, rhythm),
      })),
    ),
  {
    name: 'overload/disconnect-stuck',
    title: 'ends a stuck subscription under disconnect, tells its reader once, and counts every copy',
    policy: 'disconnect',
    play: playDisconnect,
  },
  {
    name: 'overload/disconnect-in-time',
    title: 'leaves a subscription alone under disconnect that reads before its mailbox is full',
    policy: 'disconnect',
    play: (world) =>
      playAgainstModel(world, 'disconnect', {
        name: '',
        says: '',
        rounds: 5,
        published: capacity,
        read: capacity,
      }),
  },
  {
    name: 'overload/healthy-beside-stuck',
    title:
      'delivers everything in time to a healthy subscription beside stuck ones of every policy that never waits',
    play: playHealthyBesideStuck,
  },
  {
    name: 'overload/on-drop',
    title: 'tells onDrop of every copy that is dropped, with the reason that the ledger counts',
    policy: 'drop-oldest',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('told')
      const told: unknown[] = []
      const reader = await world.read(broker, topic, {
        overflow: 'drop-oldest',
        capacity,
        onDrop: ({ payload }, reason) => told.push([payload, reason]),
      })
      await world.send(broker, topic, numbers(30))
      await routed(world, reader, 30)
      deepStrictEqual(
        told,
        numbers(30 - capacity).map((n) => [n, 'evicted-oldest']),
      )
      reader.close()
      deepStrictEqual(
        told.slice(30 - capacity),
        numbers(capacity, 30 - capacity).map((n) => [n, 'closed']),
        'copies that were pending when it closed',
      )
    },
  },
]

function optionsOf(policy: OverflowPolicy): SubscribeOptions {
  if (policy === 'latest') return { overflow: policy, capacity, key: ({ payload }) => keyOf(payload) }
  return { overflow: policy, capacity }
}

/** Twelve keys for a mailbox of eight, most of them rare: some copies supersede, some make the oldest go. */
function keyOf(payload: unknown): number {
  const n = payload as number
  return n % 4 === 0 ? n % 12 : n % 3
}

/** Waits until so many copies have been addressed to a subscription; where publish decides, that is at once. */
async function routed(world: World, reader: Subscription, count: number): Promise<void> {
  await world.until(
    () => reader.closed || reader.ledger().routed >= count,
    () => `${count} copies for a subscription, so far ${reader.ledger().routed}`,
  )
}

async function playAgainstModel(world: World, policy: OverflowPolicy, rhythm: Rhythm): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('flood')
  const reader = await world.read(broker, topic, optionsOf(policy))
  const model = new MailboxModel(policy, capacity, keyOf)
  const delivered: unknown[] = []
  let [published, refused] = [0, 0]
  for (let round = 0; round < rhythm.rounds; round++) {
    const batch = numbers(rhythm.published, published)
    const accepted = await Promise.all(batch.map((n) => offer(world, broker, topic, n)))
    refused += accepted.filter((taken) => !taken).length
    for (const n of batch) model.offer(n)
    published += batch.length
    await routed(world, reader, published)
    for (let n = 0; n < rhythm.read && model.size > 0; n++) delivered.push(takeNow(reader, model))
  }
  while (model.size > 0) delivered.push(takeNow(reader, model))
  deepStrictEqual(delivered, model.taken, `what is delivered under ${policy}`)
  strictEqual(reader.poll(), undefined, 'a copy that should have been dropped')
  const counts = reader.ledger()
  deepStrictEqual(lossesOf(counts), model.dropped, `what is counted as dropped under ${policy}`)
  strictEqual(counts.routed, published, 'copies addressed')
  // A server is between a remote publisher and the mailbox: it hears of no refusal.
  if (world.local) strictEqual(refused, model.dropped.refused ?? 0, 'publishes that were rejected')
}

async function offer(world: World, broker: Broker, topic: string, payload: unknown): Promise<boolean> {
  try {
    await world.within(broker.publish(topic, payload), 'a publish to a full mailbox')
    return true
  } catch (error) {
    if (!(error instanceof MailboxFullError)) throw error
    strictEqual(error.subscriptions.length, 1, 'mailboxes that refused')
    return false
  }
}

function takeNow(reader: Subscription, model: MailboxModel): unknown {
  model.take()
  const message = reader.poll()
  ok(message !== undefined, `a copy that should be pending is not there; ${JSON.stringify(reader.ledger())}`)
  return message.payload
}

function lossesOf({ dropped }: MailboxCounts): Partial<Record<DropReason, number>> {
  return Object.fromEntries(Object.entries(dropped).filter(([, count]) => count > 0))
}

async function playDisconnect(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('cut-off')
  const healthy = await world.listen(broker, topic)
  const stuck = await world.read(broker, topic, optionsOf('disconnect'))
  const sent = numbers(40)
  await world.send(broker, topic, sent)
  await world.until(() => stuck.closed, 'a stuck subscription is ended')
  const error = await rejectionOf(
    world.within(stuck.next(), 'an error'),
    'reading a subscription that was ended',
  )
  ok(error instanceof SlowSubscriberError, `its reader is told ${String(error)}`)
  strictEqual((await world.within(stuck.next(), 'the end')).done, true, 'after the error comes the end')
  await healthy.exactlyTheSet(sent, 'a healthy subscription beside it')
  const { dropped } = broker.ledger().ended
  ok(dropped.disconnected >= capacity, `${dropped.disconnected} copies are counted as disconnected`)
}

async function playHealthyBesideStuck(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('shared')
  const policies = broker.capabilities.overflow.filter((policy) => policy !== 'block')
  const stuck = await Promise.all(policies.map((policy) => world.read(broker, topic, optionsOf(policy))))
  const healthy = await world.listen(broker, topic, { capacity: 4096 })
  const sent = numbers(world.volume(200))
  for (let n = 0; n < sent.length; n += 20)
    await Promise.all(sent.slice(n, n + 20).map((payload) => offerToMany(world, broker, topic, payload)))
  await healthy.exactlyTheSet(sent, 'the healthy subscription')
  for (const [index, reader] of stuck.entries()) {
    if (policies[index] === 'disconnect')
      await world.until(() => reader.closed, 'a stuck subscription is ended')
    else {
      await routed(world, reader, sent.length)
      const { pending, spill } = reader.ledger()
      ok(
        pending - (spill?.copies ?? 0) <= capacity,
        `${policies[index]} holds ${pending} copies, not ${capacity}`,
      )
    }
  }
}

/** Publishes although some mailboxes are full. */
async function offerToMany(world: World, broker: Broker, topic: string, payload: unknown): Promise<void> {
  try {
    await world.within(broker.publish(topic, payload), 'a publish beside stuck subscriptions')
  } catch (error) {
    if (!(error instanceof MailboxFullError)) throw error
  }
}
