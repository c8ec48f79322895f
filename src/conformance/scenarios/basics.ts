import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import type { Message } from '../../core/message.ts'
import { ascending, numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import type { World } from '../world.ts'

/** Messages reach those who listen, whole, and nobody else. */
export const basics: readonly Script[] = [
  {
    name: 'basics/declares',
    title: 'is the broker that the transport declares',
    async play(world) {
      const { capabilities } = await world.open()
      const { broker, delivery, overflow, provides } = world.transport.capabilities
      deepStrictEqual(
        { broker: capabilities.broker, delivery: capabilities.delivery },
        { broker, delivery },
        'the broker is another one, or delivers otherwise',
      )
      deepStrictEqual([...capabilities.provides].toSorted(), [...provides].toSorted(), 'provides')
      deepStrictEqual([...capabilities.overflow].toSorted(), [...overflow].toSorted(), 'overflow')
      for (const name of ['durable', 'replay', 'acks', 'groups', 'wildcards'] as const)
        strictEqual(capabilities[name], provides.includes(name), `${name} contradicts provides`)
    },
  },
  {
    name: 'basics/delivers',
    title: 'delivers every message once, with topic, payload, headers, id and time as published',
    play: playDelivers,
  },
  {
    name: 'basics/fan-out',
    title: 'gives every subscription a copy of its own',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('news')
      const heard = await Promise.all(numbers(3).map(() => world.listen(broker, topic)))
      const sent = numbers(world.volume(100))
      await world.send(broker, topic, sent)
      for (const one of heard) await one.exactlyTheSet(sent, 'one of three subscriptions')
    },
  },
  {
    name: 'basics/topics-apart',
    title: 'gives each of many topics exactly its own messages, also when all are used at once',
    async play(world) {
      const broker = await world.open()
      const topics = await world.topics(numbers(20).map((n) => `t${n}`))
      const heard = await Promise.all(topics.map((topic) => world.listen(broker, topic)))
      const sent = numbers(world.volume(25))
      await Promise.all(topics.map((topic) => world.send(broker, topic, sent)))
      for (const [index, one] of heard.entries()) {
        await one.exactlyTheSet(sent, `topic ${index}`)
        ok(
          one.messages.every(({ topic }) => topic === topics[index]),
          `a message of another topic came on topic ${index}`,
        )
        world.atEnd.push(() => strictEqual(one.count, sent.length, `topic ${index} got more than its own`))
      }
    },
  },
  {
    name: 'basics/many-publishers',
    title: 'loses and repeats nothing with 20 publishers and 10 subscriptions at once',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('crowd')
      const each = world.volume(20)
      const heard = await Promise.all(numbers(10).map(() => world.listen(broker, topic)))
      await Promise.all(numbers(20).map((who) => world.send(broker, topic, numbers(each, who * each))))
      for (const one of heard) await one.exactlyTheSet(numbers(20 * each), 'one of ten subscriptions')
    },
  },
  {
    name: 'basics/a-thousand',
    title: 'loses and repeats none of a long row of messages, however they are counted',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('row')
      const heard = await world.listen(broker, topic, { capacity: 4096 })
      const sent = numbers(world.volume(1500))
      for (let index = 0; index < sent.length; index += 50)
        await world.send(broker, topic, sent.slice(index, index + 50))
      await heard.exactlyTheSet(sent, 'a long row')
      world.atEnd.push(() => strictEqual(heard.count, sent.length, 'a message came late and twice'))
    },
  },
  {
    name: 'basics/ids',
    title: 'gives every message an id of its own, and keeps one that was given',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('ids')
      const heard = await world.listen(broker, topic)
      await world.send(broker, topic, numbers(world.volume(300)))
      await world.within(broker.publish(topic, -1, { id: 'an id of mine' }), 'a publish')
      await heard.reach(world.volume(300) + 1)
      const ids = heard.messages.map(({ id }) => id)
      strictEqual(new Set(ids).size, ids.length, 'two messages have the same id')
      ok(
        ids.every((id) => typeof id === 'string' && id !== ''),
        'a message has no id',
      )
      strictEqual(heard.messages.find(({ payload }) => payload === -1)?.id, 'an id of mine')
    },
  },
  {
    name: 'basics/begins-now',
    title: 'delivers only what is published after subscribing',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('now')
      await world.send(broker, topic, numbers(10))
      const heard = await world.listen(broker, topic)
      await world.send(broker, topic, [10, 11])
      await heard.exactlyTheSet([10, 11], 'a subscription that came later')
      world.atEnd.push(() => strictEqual(heard.count, 2, 'something old came as well'))
    },
  },
  {
    name: 'basics/order',
    title: 'keeps the order of one publisher in every subscription',
    needs: ['order'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('ordered')
      const heard = await Promise.all(numbers(3).map(() => world.listen(broker, topic)))
      const sent = numbers(world.volume(500))
      await world.send(broker, topic, sent)
      for (const one of heard) await one.exactly(sent, 'the order of one publisher')
    },
  },
  {
    name: 'basics/ledger-agrees',
    title: 'counts in its ledger what was published and what was seen',
    play: playLedgerAgrees,
  },
]

async function playDelivers(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('whole')
  const heard = await world.listen(broker, topic)
  const before = Date.now()
  const sent = numbers(world.volume(100))
  const receipts = await world.send(broker, topic, sent, (n) => ({ headers: { number: String(n) } }))
  await heard.exactlyTheSet(sent, 'one subscription')
  for (const { level } of receipts)
    ok(broker.capabilities.ackLevels.includes(level), `a receipt says "${level}", which is not declared`)
  for (const message of heard.messages) checkWhole(message, topic)
  // Clocks of other machines may differ a little; a time in other units would be far off.
  const { time = 0 } = heard.messages[0] ?? {}
  ok(Math.abs(time - before) < 60_000, `the time of a message is ${time}, not about ${before}`)
  world.atEnd.push(() => deepStrictEqual(ascending(heard.payloads), sent, 'a message was repeated'))
}

function checkWhole({ headers, id, payload, topic }: Message, expected: string): void {
  strictEqual(topic, expected)
  strictEqual(headers['number'], String(payload), 'headers belong to another message')
  strictEqual(typeof id, 'string')
}

async function playLedgerAgrees(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('counted')
  const heard = await world.listen(broker, topic)
  const sent = numbers(world.volume(50))
  const before = broker.ledger().published
  await world.send(broker, topic, sent)
  await heard.reach(sent.length)
  const { mailboxes, published } = broker.ledger()
  strictEqual(published - before, sent.length, 'published')
  strictEqual(mailboxes.length, 1, 'there is one mailbox')
  const [mailbox] = mailboxes
  deepStrictEqual(
    { routed: mailbox?.routed, delivered: mailbox?.delivered, pending: mailbox?.pending },
    { routed: sent.length, delivered: sent.length, pending: 0 },
    'the mailbox of the only subscription',
  )
  strictEqual(heard.subscription.ledger().delivered, sent.length, 'the subscription counts otherwise')
  heard.subscription.close()
  await world.until(
    () => broker.ledger().ended.delivered === sent.length,
    'what a closed subscription was given stays in the ledger',
  )
}
