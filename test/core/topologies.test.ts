import fc from 'fast-check'
import { expect, it } from 'vitest'
import { assertBalanced, createBroker, matches, sumCounts } from '../../src/index.ts'
import { fcParameters } from '../support/seed.ts'
import { takeAll, turn } from '../support/watch.ts'

const token = fc.constantFrom('a', 'b', 'c')
const topic = fc.array(token, { minLength: 1, maxLength: 3 }).map((tokens) => tokens.join('.'))
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { maxLength: 3 }), fc.boolean())
  .filter(([tokens, tail]) => tail || tokens.length > 0)
  .map(([tokens, tail]) => [...tokens, ...(tail ? ['>'] : [])].join('.'))

const subscriber = fc.record({
  pattern,
  group: fc.option(fc.constantFrom('g', 'h'), { nil: undefined }),
  kind: fc.constantFrom('reader', 'direct', 'queued', 'async'),
  capacity: fc.constantFrom(200, 1024),
})

interface Receiver {
  readonly pattern: string
  readonly topics: string[]
  readonly payloads: number[]
}

// Hypothesis: a message reaches each matching subscription, and each matching group, exactly once and in publish order,
// and nobody else; `matches` says who matches.
it('reaches exactly who matches, in order, whatever is subscribed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(subscriber, { maxLength: 30 }),
      fc.array(topic, { maxLength: 60 }),
      async (all, topics) => {
        const broker = createBroker()
        const receivers = new Map<string, Receiver>()
        const collect: (() => void)[] = []
        for (const [index, { pattern, group, kind, capacity }] of all.entries()) {
          const name = group === undefined ? `alone ${index}` : `${group} on ${pattern}`
          const receiver = receivers.get(name) ?? { pattern, topics: [], payloads: [] }
          receivers.set(name, receiver)
          const take = (message: { topic: string; payload: number }): void => {
            receiver.topics.push(message.topic)
            receiver.payloads.push(message.payload)
          }
          const options = group === undefined ? { capacity } : { group }
          if (kind === 'reader') {
            const reader = broker.subscribe(pattern, options)
            collect.push(() => {
              for (let message = reader.poll(); message !== undefined; message = reader.poll()) take(message)
            })
          } else {
            const work =
              kind === 'async' ? async (message: Parameters<typeof take>[0]) => take(message) : take
            broker.subscribe(pattern, work, { ...options, delivery: kind === 'queued' ? 'queued' : 'direct' })
          }
        }

        for (const [number, each] of topics.entries()) void broker.publish(each, number)
        for (const each of collect) each()
        for (let turns = 0; turns < 3; turns++) await turn()

        for (const [name, { pattern, topics: seen, payloads }] of receivers) {
          const expected = topics.flatMap((each, number) => (matches(pattern, each) ? [number] : []))
          // Members of a group read side by side, so its order is not that of the collecting.
          const got = name.startsWith('alone') ? payloads : payloads.toSorted((a, b) => a - b)
          expect(got, name).toEqual(expected)
          expect(seen.every((each) => matches(pattern, each))).toBe(true)
        }
        const ledger = broker.ledger()
        assertBalanced(ledger)
        const routed = topics.filter((each) =>
          [...receivers.values()].some(({ pattern }) => matches(pattern, each)),
        )
        expect(ledger).toMatchObject({ published: topics.length, routed: routed.length })
        expect(sumCounts(ledger.mailboxes).delivered).toBe(ledger.copies)
      },
    ),
    fcParameters(300),
  )
})

// Hypothesis: closing any part of the subscriptions, in any order, leaves the deliveries of the others as they were.
it('forgets exactly who has left', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(pattern, fc.boolean()), { minLength: 1, maxLength: 40 }),
      fc.array(topic, { minLength: 1, maxLength: 20 }),
      async (all, topics) => {
        const broker = createBroker()
        const readers = all.map(([pattern]) => broker.subscribe(pattern))
        for (const each of topics) void broker.publish(each, 'before')
        for (const [index, [, leaves]] of all.entries()) if (leaves) readers[index]?.close()

        for (const each of topics) void broker.publish(each, 'after')

        for (const [index, [pattern, leaves]] of all.entries()) {
          const reader = readers[index]
          const expected = topics.filter((each) => matches(pattern, each))
          const both = [...expected.map(() => 'before'), ...expected.map(() => 'after')]
          expect(reader === undefined ? [] : takeAll(reader)).toEqual(leaves ? [] : both)
        }
        assertBalanced(broker.ledger())
        await broker.close()
        expect(broker.ledger().mailboxes).toEqual([])
      },
    ),
    fcParameters(300),
  )
})
