import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import type { AckLevel, PublishOptions } from '../../core/contract.ts'
import { numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import type { World } from '../world.ts'

/** What survives the broker that took it. */
export const durable: readonly Script[] = [
  {
    name: 'durable/reopen',
    title: 'keeps what was published when its broker has closed: payloads, headers, ids, times and order',
    mode: 'publish-first',
    needs: ['durable', 'replay'],
    play: playReopen,
  },
  {
    name: 'durable/close-at-once',
    title: 'keeps every message whose publish resolved, also when its broker closes meanwhile',
    mode: 'publish-first',
    needs: ['durable', 'replay'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('hurry')
      const publishes = numbers(100).map((n) => broker.publish(topic, n))
      const [settled] = await world.within(
        Promise.all([Promise.allSettled(publishes), broker.close()]),
        'every publish, and close',
      )
      const stored = numbers(100).filter((n) => settled[n]?.status === 'fulfilled')
      const heard = await world.listen(await world.open(), topic, { from: 'start' })
      await world.until(
        () => stored.every((n) => heard.payloads.includes(n)),
        () => `${stored.length} messages whose publish resolved; there are ${heard.count}`,
      )
    },
  },
  {
    name: 'durable/group-resumes',
    title:
      'lets a group go on after what it has acked, and gives it again whatever was not, also behind later acks',
    mode: 'publish-first',
    needs: ['durable', 'acks', 'groups'],
    play: playGroupResumes,
  },
  {
    name: 'durable/failed-not-skipped',
    title: 'does not skip a message whose handler failed because later ones have succeeded',
    mode: 'subscribe-first',
    needs: ['durable', 'acks', 'groups'],
    play: playFailedNotSkipped,
  },
  {
    name: 'durable/open-close',
    title: 'loses nothing for a group that is opened and closed again and again',
    mode: 'subscribe-first',
    needs: ['durable', 'acks', 'groups'],
    play: playOpenClose,
  },
  ...(['written', 'synced'] as const).map((level): Script => ({
    name: `durable/${level}`,
    title: `says "${level}" when a publish asked for it, and keeps the message`,
    mode: 'publish-first',
    needs: ['durable', 'replay', level],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic(level)
      const options: PublishOptions & { readonly ack: AckLevel } = { ack: level }
      const receipts = await world.send(broker, topic, numbers(10), () => options)
      // A broker may do more than it is asked for.
      const enough: readonly AckLevel[] = level === 'written' ? ['written', 'synced'] : ['synced']
      for (const receipt of receipts) ok(enough.includes(receipt.level), `a receipt says "${receipt.level}"`)
      await world.within(broker.close(), 'close')
      const heard = await world.listen(await world.open(), topic, { from: 'start' })
      await heard.exactly(numbers(10), `messages that were ${level}`)
    },
  })),
  {
    name: 'durable/dedupe',
    title: 'stores a message once that is published again with the same id, also many times at once',
    needs: ['dedupe'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('once')
      const heard = await world.listen(broker, topic)
      const sent = numbers(20)
      const id = (n: unknown): PublishOptions => ({ id: world.group(`id-${n as number}`) })
      for (let time = 0; time < 3; time++) await world.send(broker, topic, sent, id)
      await world.send(broker, topic, numbers(20).fill(20), () => id(20))
      await world.send(broker, topic, [21])
      await heard.exactlyTheSet(numbers(22), 'each message once')
      world.atEnd.push(() => strictEqual(heard.count, 22, 'a duplicate came later'))
    },
  },
]

async function playReopen(world: World): Promise<void> {
  const first = await world.open()
  const topic = await world.topic('kept')
  const heard = await world.listen(first, topic)
  const sent = numbers(world.volume(50))
  await world.send(first, topic, sent, (n) => ({ headers: { n: String(n), odd: 'ü 🙂' } }))
  await heard.reach(sent.length)
  await world.within(first.close(), 'close')
  const again = await world.listen(await world.open(), topic, { from: 'start' })
  await again.exactly(sent, 'what was published before')
  const essence = ({ headers, id, payload, time }: (typeof again.messages)[number]): object => ({
    headers: { ...headers },
    id,
    payload,
    time,
  })
  const byPayload = heard.messages.toSorted((a, b) => (a.payload as number) - (b.payload as number))
  deepStrictEqual(again.messages.map(essence), byPayload.map(essence), 'as they were when they were new')
}

async function playGroupResumes(world: World): Promise<void> {
  const first = await world.open()
  const topic = await world.topic('jobs')
  const group = world.group('g')
  await world.send(first, topic, numbers(10), (n) => ({ key: String(n) }))
  const member = await world.read(first, topic, { group, from: 'start' })
  const deliveries = await world.takeWork(member, 10)
  const acked = [0, 1, 2, 4, 6, 9]
  for (const n of acked.toReversed()) {
    const ack = deliveries.find(({ payload }) => payload === n)?.ack()
    strictEqual(await ack, true, `the ack of ${n}`)
  }
  await world.within(first.close(), 'close')

  const second = await world.open()
  const again = await world.listen(second, topic, { group, from: 'start' })
  await world.send(second, topic, [10, 11])
  const left = [3, 5, 7, 8, 10, 11]
  await world.until(
    () => left.every((n) => again.payloads.includes(n)),
    () => `${left.join(' ')} in a group that was opened again; got ${again.payloads.join(' ')}`,
  )
  // Where a group remembers one place only, what was acked behind the first gap may come again; what lies before may not.
  for (const n of [0, 1, 2])
    ok(!again.payloads.includes(n), `${n} came again although all up to it was acked`)
}

async function playFailedNotSkipped(world: World): Promise<void> {
  const first = await world.open()
  const topic = await world.topic('jobs')
  const options = { group: world.group('g'), from: 'start' as const }
  const seen = new Set<unknown>()
  let failures = 0
  const subscription = await world.handle(
    first,
    topic,
    ({ payload }) => {
      if (payload === 3) {
        failures++
        throw new Error('not today')
      }
      seen.add(payload)
    },
    options,
  )
  await world.send(first, topic, numbers(10), (n) => ({ key: String(n) }))
  // Where messages behind a failed one are held back, they do not come before it; elsewhere they succeed first.
  await world.until(() => failures > 0, 'the handler fails')
  const succeeded = (): boolean => seen.size === 9
  await world.until(() => succeeded() || failures > 1, 'others succeed, or the failed one is tried again')
  subscription.close()
  await world.within(first.close(), 'close')
  const again = await world.listen(await world.open(), topic, options)
  await world.until(
    () => again.payloads.includes(3) && numbers(10).every((n) => seen.has(n) || again.payloads.includes(n)),
    () => `3, which failed, and what was not handled; got ${again.payloads.join(' ')}`,
  )
}

async function playOpenClose(world: World): Promise<void> {
  const topic = await world.topic('batches')
  const options = { group: world.group('g'), from: 'start' as const }
  const seen = new Set<unknown>()
  const [rounds, each] = [4, world.volume(15)]
  for (let round = 0; round < rounds; round++) {
    const broker = await world.open()
    const member = await world.read(broker, topic, options)
    await world.send(broker, topic, numbers(each, round * each))
    for (const delivery of await world.takeWork(member, Math.ceil(each / 2))) {
      seen.add(delivery.payload)
      await delivery.ack()
    }
    await world.within(broker.close(), 'close')
  }
  const last = await world.listen(await world.open(), topic, options)
  await world.until(
    () => numbers(rounds * each).every((n) => seen.has(n) || last.payloads.includes(n)),
    () => `${rounds * each} messages over ${rounds} lives; got ${seen.size} and ${last.count}`,
  )
}
