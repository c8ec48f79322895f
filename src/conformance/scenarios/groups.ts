import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { type Heard, ascending, numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import { failureOf } from '../wait.ts'
import type { World } from '../world.ts'

/** Members of a group share the work. */
export const groups: readonly Script[] = [
  {
    name: 'groups/exclusive',
    title: 'gives each message to exactly one member of a group',
    needs: ['groups'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('jobs')
      const group = world.group('workers')
      const members = await Promise.all(numbers(3).map(() => world.listen(broker, topic, { group })))
      const sent = numbers(world.volume(200))
      await world.send(broker, topic, sent)
      await exactlyShared(world, members, sent)
    },
  },
  {
    name: 'groups/each-all',
    title: 'gives every group, and every subscription outside groups, all messages',
    needs: ['groups'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('jobs')
      const join = (name: string): Promise<Heard> => world.listen(broker, topic, { group: world.group(name) })
      const first = await Promise.all([join('first'), join('first')])
      const second = await Promise.all([join('second'), join('second'), join('second')])
      const alone = await world.listen(broker, topic)
      const sent = numbers(world.volume(100))
      await world.send(broker, topic, sent)
      await exactlyShared(world, first, sent)
      await exactlyShared(world, second, sent)
      await exactlyShared(world, [alone], sent)
    },
  },
  {
    name: 'groups/join-and-leave',
    title: 'loses nothing while members join and leave under load',
    needs: ['groups'],
    play: playJoinAndLeave,
  },
  {
    name: 'groups/patterns',
    title: 'shares what matches a pattern',
    needs: ['groups', 'wildcards'],
    async play(world) {
      const broker = await world.open()
      const topics = await world.topics(['jobs.a', 'jobs.b'])
      const group = world.group('workers')
      const pattern = world.pattern('jobs.*')
      const members = [
        await world.listen(broker, pattern, { group }),
        await world.listen(broker, pattern, { group }),
      ]
      const each = world.volume(40)
      await Promise.all(topics.map((topic, index) => world.send(broker, topic, numbers(each, index * each))))
      await exactlyShared(world, members, numbers(2 * each))
    },
  },
  {
    name: 'groups/refused',
    title: 'refuses groups, which it does not provide',
    lacks: ['groups'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('jobs')
      await failureOf(() => broker.subscribe(topic, { group: 'workers' }), 'a group')
    },
  },
]

/** Waits until members have together exactly these numbers, and sees to it that no repetition comes later. */
async function exactlyShared(
  world: World,
  members: readonly Heard[],
  sent: readonly number[],
): Promise<void> {
  const all = (): unknown[] => members.flatMap(({ payloads }) => payloads)
  await world.until(
    () => all().length >= sent.length,
    () => `${sent.length} messages in a group, got ${all().length}`,
  )
  const check = (): void =>
    deepStrictEqual(ascending(all()), sent, 'what the members of a group have together')
  check()
  world.atEnd.push(check)
}

async function playJoinAndLeave(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('jobs')
  const group = world.group('workers')
  const members = [await world.listen(broker, topic, { group })]
  const rounds = 8
  const each = world.volume(25)
  for (let round = 0; round < rounds; round++) {
    const sending = world.send(broker, topic, numbers(each, round * each))
    if (round % 2 === 0) members.push(await world.listen(broker, topic, { group }))
    else members.at(-2)?.subscription.close()
    await sending
  }
  const all = (): Set<unknown> => new Set(members.flatMap(({ payloads }) => payloads))
  await world.until(
    () => all().size >= rounds * each,
    () => `${rounds * each} messages in a group whose members come and go, got ${all().size}`,
  )
  ok(members.filter(({ count }) => count > 0).length > 1, 'one member got everything')
  // What a member that leaves had not settled is delivered again; elsewhere nothing is.
  if (broker.capabilities.provides.includes('acks')) return
  const total = members.reduce((sum, { count }) => sum + count, 0)
  strictEqual(total, rounds * each, 'deliveries in a group that does not acknowledge')
}
