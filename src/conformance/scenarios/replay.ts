import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import type { Broker } from '../../core/contract.ts'
import { OffsetEvictedError, OffsetOutOfRangeError } from '../../core/offset-errors.ts'
import type { Position } from '../../core/position.ts'
import { numbers } from '../heard.ts'
import type { Script } from '../script.ts'
import { failureOf } from '../wait.ts'
import type { World } from '../world.ts'

/** Reading what was published before. */
export const replay: readonly Script[] = [
  {
    name: 'replay/start',
    title: 'gives every reader that begins at the start all that is kept, then what comes',
    mode: 'publish-first',
    needs: ['replay'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('past')
      await world.send(broker, topic, numbers(50))
      for (let reader = 0; reader < 3; reader++) {
        const heard = await world.listen(broker, topic, { from: 'start' })
        await heard.exactly(numbers(50 + 10 * reader), `reader ${reader}, before more is published`)
        await world.send(broker, topic, numbers(10, 50 + 10 * reader))
        await heard.exactly(numbers(60 + 10 * reader), `reader ${reader}, after that`)
      }
    },
  },
  ...[
    { name: 'offset', from: 20, says: 'an offset', expected: numbers(30, 20) },
    { name: 'last', from: -7, says: 'the last seven', expected: numbers(7, 43) },
    { name: 'more-than-all', from: -1000, says: 'more than there is', expected: numbers(50) },
    { name: 'end', from: 'end' as const, says: 'the end', expected: [] },
    { name: 'next', from: 50, says: 'the next offset', expected: [] },
  ].map(({ expected, from, name, says }): Script => ({
    name: `replay/${name}`,
    title: `begins at ${says} when asked to, then goes on with what comes`,
    mode: 'publish-first',
    needs: ['replay'],
    play: (world) => playPosition(world, from, expected),
  })),
  {
    name: 'replay/date',
    title: 'begins at the first message that is not older than a date',
    mode: 'publish-first',
    needs: ['replay'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('dated')
      await world.send(broker, topic, numbers(10))
      // A gap on both sides of the date that no difference between clocks of one machine can close.
      const gapMs = world.stretch(20)
      await clockPasses(world, Date.now() + gapMs)
      const date = new Date()
      await clockPasses(world, Date.now() + gapMs)
      await world.send(broker, topic, numbers(5, 10))
      const heard = await world.listen(broker, topic, { from: date })
      await heard.exactly(numbers(5, 10), 'what is not older than the date')
    },
  },
  {
    name: 'replay/pattern',
    title: 'replays all topics that a pattern matches, each in its order',
    mode: 'publish-first',
    needs: ['replay', 'wildcards'],
    async play(world) {
      const broker = await world.open()
      const topics = await world.topics(['many.a', 'many.b', 'many.c'])
      for (let n = 0; n < 30; n++) await world.send(broker, topics[n % 3] ?? '', [n])
      const heard = await world.listen(broker, world.pattern('many.*'), { from: 'start' })
      await heard.exactlyTheSet(numbers(30), 'all topics')
      for (const [index, topic] of topics.entries())
        deepStrictEqual(
          heard.messages.filter((message) => message.topic === topic).map(({ payload }) => payload),
          numbers(10).map((n) => n * 3 + index),
          topic,
        )
    },
  },
  {
    name: 'replay/seam',
    title: 'goes from what was to what comes without a gap or a repetition, while others publish',
    mode: 'publish-first',
    needs: ['replay'],
    play: playSeam,
  },
  {
    name: 'replay/future',
    title: 'refuses an offset that lies in the future, saying what there is',
    mode: 'publish-first',
    needs: ['replay'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('short')
      await world.send(broker, topic, numbers(5))
      const error = await failureOf(() => readOne(world, broker, topic, 1_000_000), 'an offset in the future')
      ok(error instanceof OffsetOutOfRangeError, `it is refused with ${String(error)}`)
      deepStrictEqual([error.requested, error.next], [1_000_000, 5])
    },
  },
  {
    name: 'replay/evicted',
    title:
      'refuses an offset that retention has removed, instead of beginning elsewhere; "start" begins at what is left',
    mode: 'publish-first',
    needs: ['replay'],
    hooks: ['evict'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('short')
      await world.send(broker, topic, numbers(5))
      await world.transport.evict?.(broker, topic)
      const error = await failureOf(() => readOne(world, broker, topic, 0), 'an offset that is evicted')
      ok(error instanceof OffsetEvictedError, `it is refused with ${String(error)}`)
      strictEqual(error.requested, 0)
      ok(error.first > 0, 'it says what is the first offset left')
      await world.send(broker, topic, ['last'])
      const heard = await world.listen(broker, topic, { from: 'start' })
      await world.until(() => heard.payloads.at(-1) === 'last', 'the start of what is left, up to the end')
      ok(!heard.payloads.includes(0), 'a message that is evicted')
    },
  },
  {
    name: 'replay/overtaken',
    title: 'tells a reader that retention has overtaken, instead of skipping what it has not read',
    mode: 'publish-first',
    needs: ['replay'],
    hooks: ['evict'],
    play: playOvertaken,
  },
  {
    name: 'replay/group-overtaken',
    title: 'reports when retention removes what a group has not had',
    mode: 'publish-first',
    needs: ['replay', 'acks', 'groups'],
    hooks: ['evict'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('short')
      const group = world.group('late')
      await world.send(broker, topic, numbers(5))
      const first = await world.read(broker, topic, { group, from: 'start' })
      const [delivery] = await world.takeWork(first, 1)
      await delivery?.ack()
      first.close()
      await world.transport.evict?.(broker, topic)
      const member = await world.listen(broker, topic, { group, from: 'start' })
      await world.send(broker, topic, ['last'])
      await world.until(() => member.payloads.includes('last'), 'the group goes on with what is left')
      const missed = numbers(5).filter((n) => n > 0 && !member.payloads.includes(n))
      if (missed.length === 0) return
      const told = (): boolean =>
        world
          .reports(broker)
          .some(({ event, kind }) => kind === 'warning' && event.code === 'group-overtaken')
      await world.until(told, `${missed.length} messages were never delivered, and nobody was told`)
    },
  },
  {
    name: 'replay/drain',
    title: 'hands readers everything that was published before a drain',
    mode: 'publish-first',
    needs: ['replay'],
    async play(world) {
      const broker = await world.open()
      const topic = await world.topic('tail')
      const heard = await world.listen(broker, topic, { from: 'start' })
      await world.send(broker, topic, numbers(200))
      const report = await world.within(broker.drain(), 'the drain')
      await heard.exactly(numbers(200), 'what was published before the drain')
      strictEqual(report.complete, true)
    },
  },
]

async function clockPasses(world: World, timeMs: number): Promise<void> {
  await world.until(() => Date.now() > timeMs, 'the clock goes on')
}

/** Opens a reader and asks for one message: what is wrong with its place is told by one or the other. */
async function readOne(world: World, broker: Broker, topic: string, from: Position): Promise<unknown> {
  const reader = await world.read(broker, topic, { from })
  return await world.within(reader.next(), 'a message or an error')
}

async function playPosition(world: World, from: Position, expected: readonly number[]): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('past')
  await world.send(broker, topic, numbers(50))
  const heard = await world.listen(broker, topic, { from })
  await world.send(broker, topic, [50, 51])
  await heard.exactly([...expected, 50, 51], `from ${String(from)}`)
  world.atEnd.push(() => strictEqual(heard.count, expected.length + 2, `from ${String(from)}, in all`))
}

async function playSeam(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('seam')
  const rounds = 20
  const each = world.volume(20)
  const readers = []
  for (let round = 0; round < rounds; round++) {
    const sending = world.send(broker, topic, numbers(each, round * each))
    if (round % 4 === 1) readers.push(await world.listen(broker, topic, { from: 'start' }))
    await sending
  }
  for (const [index, heard] of readers.entries()) {
    await heard.exactly(numbers(rounds * each), `reader ${index}`)
    world.atEnd.push(() => strictEqual(heard.count, rounds * each, `messages of reader ${index}`))
  }
}

async function playOvertaken(world: World): Promise<void> {
  const broker = await world.open()
  const topic = await world.topic('overtaken')
  const sent = numbers(20)
  await world.send(broker, topic, sent)
  const reader = await world.read(broker, topic, { from: 'start' })
  await world.take(reader, 1)
  await world.transport.evict?.(broker, topic)
  // What it has fetched before it may still hand over; then it says so, or goes on with the very next one.
  for (let expected = 1; expected < sent.length; expected++) {
    try {
      const { done, value } = await world.within(reader.next(), 'a message or an error')
      strictEqual(done, false, 'it ended without an error')
      strictEqual(value?.payload, expected, `${expected} was skipped in silence`)
    } catch (error) {
      if (!(error instanceof OffsetEvictedError)) throw error
      return
    }
  }
}
