import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { ascending, numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import type { World } from '../world.ts'

/** Several brokers, as several processes would have them, on one server or storage. */
export const clients: readonly Script[] = [
  {
    name: 'clients/hear-each-other',
    title: 'delivers to every client what any of them publishes',
    needs: ['remote'],
    hooks: ['another'],
    async play(world) {
      const [one, two] = [await world.open(), await world.another()]
      const topic = await world.topic('shared')
      const heard = [await world.listen(one, topic), await world.listen(two, topic)]
      const each = world.volume(50)
      await Promise.all([world.send(one, topic, numbers(each)), world.send(two, topic, numbers(each, each))])
      for (const client of heard) await client.exactlyTheSet(numbers(2 * each), 'what both have published')
    },
  },
  {
    name: 'clients/one-leaves',
    title: 'goes on for one client when another closes, which hears nothing more',
    needs: ['remote'],
    hooks: ['another'],
    async play(world) {
      const [one, two] = [await world.open(), await world.another()]
      const topic = await world.topic('shared')
      const stays = await world.listen(one, topic)
      let calls = 0
      await world.handle(two, topic, () => calls++)
      await world.send(one, topic, numbers(10))
      await world.until(() => calls === 10, 'the other client hears')
      await world.within(two.close(), 'close of the other client')
      await world.send(one, topic, numbers(10, 10))
      await stays.exactlyTheSet(numbers(20), 'the client that stays')
      strictEqual(calls, 10, 'calls of a handler whose broker has closed')
    },
  },
  {
    name: 'clients/share-a-group',
    title: 'gives each message to exactly one member of a group that spans clients',
    needs: ['remote', 'groups'],
    hooks: ['another'],
    async play(world) {
      const [one, two] = [await world.open(), await world.another()]
      const topic = await world.topic('jobs')
      const group = world.group('workers')
      const members = [await world.listen(one, topic, { group }), await world.listen(two, topic, { group })]
      const sent = numbers(world.volume(200))
      await world.send(one, topic, sent, (n) => ({ key: String(n) }))
      const all = (): unknown[] => members.flatMap(({ payloads }) => payloads)
      await world.until(
        () => all().length >= sent.length,
        () => `${sent.length} messages in a group, got ${all().length}`,
      )
      const check = (): void => deepStrictEqual(ascending(all()), sent, 'what both clients have together')
      check()
      world.atEnd.push(check)
    },
  },
  {
    name: 'clients/one-dies',
    title: 'gives what a client had not settled when it went to another member, with the next attempt',
    needs: ['remote', 'acks', 'groups'],
    hooks: ['another'],
    play: playOneDies,
  },
  {
    name: 'clients/attempts',
    title: 'goes on counting attempts when another member gets the message',
    needs: ['acks', 'groups', 'attempts'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('jobs')
      const group = world.group('g')
      const first = await world.read(broker, topic, { group })
      await world.send(broker, topic, ['x'])
      const [one] = await world.takeWork(first, 1)
      strictEqual(one?.attempt, 1)
      first.close()
      const second = await world.read(broker, topic, { group })
      const [two] = await world.takeWork(second, 1)
      strictEqual(two?.attempt, 2, 'attempt of the second member')
      await two.nak()
      const [three] = await world.takeWork(second, 1)
      strictEqual(three?.attempt, 3, 'attempt after a nak')
      await three.ack()
    },
  },
]

async function playOneDies(world: World): Promise<void> {
  const [stays, dies] = [await world.open(), await world.another()]
  const topic = await world.topic('jobs')
  const options = { group: world.group('g'), ackDeadlineMs: world.stretch(1000) }
  const member = await world.read(dies, topic, options)
  await world.send(stays, topic, numbers(8), (n) => ({ key: String(n) }))
  const [first, ...rest] = await world.takeWork(member, 5)
  strictEqual(await first?.ack(), true, 'an ack')
  await world.within(dies.close(), 'close of a client that has not settled everything')
  const other = await world.listen(stays, topic, options)
  const left = numbers(8).filter((n) => n !== first?.payload)
  await world.until(
    () => left.every((n) => other.payloads.includes(n)),
    () => `${left.join(' ')} at the client that is left; got ${other.payloads.join(' ')}`,
  )
  ok(rest.length === 4)
}
