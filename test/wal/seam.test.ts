import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertBalanced, type Subscription } from '../../src/index.ts'
import type { StoredMessage } from '../../src/wal/contract.ts'
import { openDurableBroker } from '../../src/wal/index.ts'
import { fcParameters } from '../support/seed.ts'
import { turn } from '../support/watch.ts'

interface Published {
  readonly topic: string
  readonly offset: number
  readonly seq: number
}

/** A reader, and what it must get: everything from `from` on that its pattern selects. */
interface Watched {
  readonly subscription: Subscription
  readonly pattern: string
  readonly expected: () => readonly Published[]
  readonly got: Published[]
}

const topics = ['a.x', 'a.y', 'b.x']
const patterns = ['a.x', 'a.*', '>', 'b.x', 'nobody.*']

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('append' as const), topic: fc.nat(2), size: fc.nat(400) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('commit' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('subscribe' as const),
      pattern: fc.nat(4),
      from: fc.integer({ min: -12, max: 1 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      which: fc.nat(5),
      max: fc.integer({ min: 1, max: 20 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function selects(pattern: string, topic: string): boolean {
  return pattern === '>' || pattern === topic || (pattern === 'a.*' && topic.startsWith('a.'))
}

async function run(steps: readonly Step[]): Promise<void> {
  const dir = mkdtempSync(`${tmpdir()}/spillway-`)
  const broker = await openDurableBroker(dir, { engine: 'inline', segmentBytes: 6000 })
  const published: Published[] = []
  const readers: Watched[] = []
  try {
    for (const one of steps) {
      if (one.kind === 'append') {
        const topic = topics[one.topic] ?? 'a.x'
        const seq = published.length
        published.push({ topic, seq, offset: broker.topic(topic).append('x'.repeat(one.size)) })
      } else if (one.kind === 'commit') {
        await broker.flush()
      } else if (one.kind === 'turn') {
        await turn()
      } else if (one.kind === 'subscribe') {
        readers.push(subscribe(patterns[one.pattern] ?? '>', one.from))
      } else {
        const reader = readers[one.which % Math.max(1, readers.length)]
        if (reader !== undefined) poll(reader, one.max)
      }
      assertBalanced(broker.ledger())
    }
    await broker.flush()
    for (const reader of readers) {
      const expected = reader.expected()
      while (reader.got.length < expected.length) {
        const { value } = (await reader.subscription.next()) as IteratorResult<StoredMessage, undefined>
        if (value !== undefined) reader.got.push({ topic: value.topic, offset: value.offset, seq: value.seq })
      }
      expect(reader.got).toEqual(expected)
      expect(reader.subscription.poll()).toBeUndefined()
      expect(reader.subscription.pending).toBe(0)
    }
    assertBalanced(broker.ledger())
  } finally {
    await broker.close()
    rmSync(dir, { recursive: true, force: true })
  }

  function subscribe(pattern: string, from: number): Watched {
    const before = published.filter(({ topic }) => selects(pattern, topic))
    const position = from === 1 ? 'end' : from === 0 ? 'start' : from
    const subscription = broker.subscribe(pattern, { from: position }) as unknown as Subscription
    const skipped = from === 1 ? before.length : from === 0 ? 0 : Math.max(0, before.length + from)
    const expected = (): Published[] =>
      published.filter(({ topic }) => selects(pattern, topic)).slice(skipped)
    return { subscription, pattern, expected, got: [] }
  }
}

function poll({ got, subscription }: Watched, max: number): void {
  for (let n = 0; n < max; n++) {
    const message = subscription.poll() as StoredMessage | undefined
    if (message === undefined) return
    got.push({ topic: message.topic, offset: message.offset, seq: message.seq })
  }
}

test(
  'a reader gets every record from its position on, once and in order, whenever it subscribes and reads',
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), run),
      fcParameters(150),
    )
  },
)
