import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { InvalidPatternError, InvalidTopicError, SpillwayError } from '../../core/errors.ts'
import { numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import { failureOf, rejectionOf } from '../wait.ts'
import type { World } from '../world.ts'

/** Who hears what. */
export const patterns: readonly Script[] = [
  {
    name: 'patterns/truth-table',
    title: 'matches more than 200 pairs of pattern and topic as the rules say',
    needs: ['wildcards'],
    play: playTruthTable,
  },
  {
    name: 'patterns/one-copy',
    title: 'gives a subscription one copy, whatever else matches the topic',
    needs: ['wildcards'],
    async play(world) {
      const broker = await world.open()
      const [topic = ''] = await world.topics(['a.b'])
      const names = ['a.b', 'a.*', '*.b', '>', 'a.>']
      const heard = await Promise.all(names.map((name) => world.listen(broker, world.pattern(name))))
      await world.send(broker, topic, numbers(20))
      for (const [index, one] of heard.entries()) {
        await one.exactlyTheSet(numbers(20), String(names[index]))
        world.atEnd.push(() => strictEqual(one.count, 20, `copies for ${String(names[index])}`))
      }
    },
  },
  {
    name: 'patterns/later-topics',
    title: 'hears topics that are used for the first time after subscribing',
    needs: ['wildcards'],
    async play(world) {
      const broker = await world.open()
      const heard = await world.listen(broker, world.pattern('new.*'))
      const topics = await world.topics(['new.a', 'new.b'])
      for (const [index, topic] of topics.entries()) await world.send(broker, topic, [index])
      await heard.exactlyTheSet([0, 1], 'topics that are new')
    },
  },
  {
    name: 'patterns/wrong-topics',
    title: 'rejects what is no topic, without effect',
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('right')
      const heard = await world.listen(broker, topic)
      const before = broker.ledger().published
      for (const wrong of [
        '',
        '.',
        'a..b',
        '.a',
        'a.',
        'a b',
        'a\tb',
        'a.*',
        'a.>',
        '>',
        'a\u0000b',
        undefined,
        7,
      ]) {
        const publish = world.within(broker.publish(wrong as string, 0), 'a rejection')
        const error = await rejectionOf(publish, `publishing to ${JSON.stringify(wrong)}`)
        ok(error instanceof InvalidTopicError, `publishing to ${JSON.stringify(wrong)}: ${String(error)}`)
      }
      strictEqual(broker.ledger().published, before, 'a publish that was refused was counted')
      await world.send(broker, topic, [1])
      await heard.exactly([1], 'the right topic')
    },
  },
  {
    name: 'patterns/wrong-patterns',
    title: 'throws at what is no pattern',
    async play(world) {
      const broker = await world.open()
      for (const wrong of ['', 'a..b', 'a.', '.a', '>.a', 'a.>.b', 'a*', 'a.b>', 'a b', undefined, 7]) {
        const error = await failureOf(
          () => broker.subscribe(wrong as string),
          `the pattern ${JSON.stringify(wrong)}`,
        )
        ok(error instanceof InvalidPatternError, `the pattern ${JSON.stringify(wrong)}: ${String(error)}`)
      }
      strictEqual(broker.ledger().mailboxes.length, 0, 'a subscription that was refused has a mailbox')
    },
  },
  {
    name: 'patterns/refused',
    title: 'refuses patterns with wildcards, which it does not provide',
    lacks: ['wildcards'],
    async play(world) {
      const broker = await world.open()
      for (const name of ['a.*', '>']) {
        const what = `the pattern ${name}`
        const error = await failureOf(() => broker.subscribe(world.pattern(name)), what)
        ok(error instanceof SpillwayError, `${what}: ${String(error)}`)
      }
    },
  },
]

const tableTopics = [
  'a',
  'b',
  'a.a',
  'a.b',
  'b.a',
  'b.b',
  'a.a.a',
  'a.a.b',
  'a.b.a',
  'b.a.a',
  'b.b.b',
  'a.b.a.b',
]
const tablePatterns = [
  ...['a', '*', '>', 'a.b', 'a.*', '*.b', '*.*', 'a.>', '*.>'],
  ...['a.b.a', 'a.*.a', '*.b.*', '*.*.*', 'a.b.>', 'a.*.>', '*.*.>', 'b.>', '*.*.*.*'],
]

async function playTruthTable(world: World): Promise<void> {
  const broker = await world.open()
  const topics = await world.topics(tableTopics)
  const heard = await Promise.all(tablePatterns.map((name) => world.listen(broker, world.pattern(name))))
  for (const [index, topic] of topics.entries()) await world.send(broker, topic, [index])
  for (const [index, pattern] of tablePatterns.entries()) {
    const expected = numbers(tableTopics.length).filter((n) => oracle(pattern, String(tableTopics[n])))
    await heard[index]?.exactlyTheSet(expected, `what "${pattern}" matches of ${tableTopics.join(' ')}`)
  }
  world.atEnd.push(() =>
    deepStrictEqual(
      heard.map(({ count }) => count),
      tablePatterns.map((pattern) => tableTopics.filter((topic) => oracle(pattern, topic)).length),
      'a pattern got something that it does not match',
    ),
  )
}

/** The rules, written down a second time: as a regular expression rather than as the brokers do it. */
function oracle(pattern: string, topic: string): boolean {
  const source = pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replace('>', '.+')
  return new RegExp(`^${source}$`).test(topic)
}
