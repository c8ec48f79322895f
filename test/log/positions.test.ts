import { describe, expect, it } from 'vitest'
import {
  createBroker,
  InvalidOptionError,
  InvalidPatternError,
  OffsetEvictedError,
  OffsetOutOfRangeError,
  type Position,
} from '../../src/index.ts'
import { createLogBroker } from '../../src/log/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { takeAll, turn } from '../support/watch.ts'

const begin = 1_700_000_000_000

/** a: 0 to 4 with 2, 3, 4 retained; b: 0 and 1. In the order a a a b a b a, one message per 10 ms. */
async function filled() {
  const clock = new ManualClock()
  const broker = createLogBroker({ clock, retention: { a: { count: 3 }, b: { count: 3 } } })
  for (const [seq, topic] of ['a', 'a', 'a', 'b', 'a', 'b', 'a'].entries()) {
    await broker.publish(topic, `${topic}@${seq}`)
    await turn() // time is read once per turn
    clock.advance(10)
  }
  const read = (pattern: string, from: Position) => takeAll(broker.subscribe(pattern, { from }))
  return { broker, clock, read }
}

describe('from', () => {
  it.each<[string, Position, string[]]>([
    ['a', 'start', ['a@2', 'a@4', 'a@6']],
    ['b', 'start', ['b@3', 'b@5']],
    ['*', 'start', ['a@2', 'b@3', 'a@4', 'b@5', 'a@6']],
    ['a', 'end', []],
    ['>', 'end', []],
    ['a', 2, ['a@2', 'a@4', 'a@6']],
    ['a', 4, ['a@6']],
    ['a', 5, []],
    ['b', 0, ['b@3', 'b@5']],
    ['unknown', 0, []],
    ['unknown', 'start', []],
    ['a', -2, ['a@4', 'a@6']],
    ['a', -100, ['a@2', 'a@4', 'a@6']],
    ['*', -3, ['a@4', 'b@5', 'a@6']],
    ['*', -1, ['a@6']],
    ['*', -100, ['a@2', 'b@3', 'a@4', 'b@5', 'a@6']],
    ['*', -0, []],
    ['a', -0, []],
    ['*', new Date(begin + 40), ['a@4', 'b@5', 'a@6']],
    ['b', new Date(begin + 31), ['b@5']],
    ['b', new Date(begin + 30), ['b@3', 'b@5']],
    ['*', new Date(0), ['a@2', 'b@3', 'a@4', 'b@5', 'a@6']],
    ['*', new Date(begin + 61), []],
  ])('in "%s" at %s is where the retained records say', async (pattern, from, expected) => {
    const { broker, read } = await filled()
    expect(read(pattern, from)).toEqual(expected)

    const reader = broker.subscribe(pattern, { from: 'end' })
    await broker.publish(pattern === 'unknown' ? 'unknown' : 'b', 'new')
    expect(takeAll(reader)).toEqual(pattern === 'a' ? [] : ['new'])
  })

  it('a date when the clock was set back is the first record in the log that is not before it', async () => {
    const clock = new ManualClock()
    const broker = createLogBroker({ clock })
    for (const [payload, step] of [
      ['first', 100],
      ['late', -150],
      ['early', 10],
      ['last', 500],
    ] as const) {
      await broker.publish('t', payload)
      await turn()
      clock.advance(step)
    }

    expect(takeAll(broker.subscribe('t', { from: new Date(begin + 50) }))).toEqual(['late', 'early', 'last'])
    expect(takeAll(broker.subscribe('t', { from: new Date(begin - 45) }))).toHaveLength(4)
  })

  it('an offset that is evicted, or lies in the future, is an error that says what there is', async () => {
    const { broker } = await filled()

    expect(() => broker.subscribe('a', { from: 1 })).toThrow(
      expect.objectContaining({ name: 'OffsetEvictedError', topic: 'a', requested: 1, first: 2, next: 5 }),
    )
    expect(() => broker.subscribe('a', () => undefined, { from: 0 })).toThrow(OffsetEvictedError)
    expect(() => broker.subscribe('a', { from: 6 })).toThrow(
      expect.objectContaining({ name: 'OffsetOutOfRangeError', topic: 'a', requested: 6, first: 2, next: 5 }),
    )
    expect(() => broker.subscribe('unknown', { from: 1 })).toThrow(OffsetOutOfRangeError)
    expect(broker.ledger().mailboxes).toEqual([])
  })

  it.each<[string, unknown]>([
    ['a', 1.5],
    ['a', Number.NaN],
    ['a', Number.POSITIVE_INFINITY],
    ['a', 'begin'],
    ['a', new Date('no date')],
    ['a', null],
    ['*', 0],
    ['a.>', 3],
  ])('in "%s" cannot be %s', async (pattern, from) => {
    const { broker } = await filled()
    expect(() => broker.subscribe(pattern, { from: from as Position })).toThrow(InvalidOptionError)
  })

  it('goes with no option about a mailbox, and with no group', async () => {
    const { broker } = await filled()
    const refused = [
      { overflow: 'drop-oldest' },
      { overflow: 'block', blockTimeoutMs: 1 },
      { overflow: 'latest', key: () => 1 },
      { capacityBytes: 1, sizeOf: () => 1 },
      { onDrop: () => undefined },
      { group: 'g' },
      { concurrency: 0 },
      { capacity: 0 },
      { signal: 1 },
    ]
    for (const options of refused)
      expect(() => broker.subscribe('a', { ...(options as object), from: 'start' })).toThrow(
        InvalidOptionError,
      )
    expect(() => broker.subscribe('a..b', { from: 'start' })).toThrow(InvalidPatternError)
    expect(broker.ledger().mailboxes).toEqual([])
  })

  it('is refused by a broker that keeps nothing', () => {
    expect(() => createBroker().subscribe('a', { from: 'start' })).toThrow(InvalidOptionError)
  })
})
