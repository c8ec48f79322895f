import { readdirSync, rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { assertBalanced } from '../../src/index.ts'
import { type DurableBroker, openLogFollower, type StoredMessage } from '../../src/wal/index.ts'
import { nodeFileSystem } from '../../src/wal/fs/node-fs.ts'
import type { LogOptions } from '../../src/wal/store/open-options.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { random as randomFrom, seed } from '../support/seed.ts'
import { until } from '../support/watch.ts'
import {
  assertSound,
  compaction,
  type Line,
  lineOf,
  publishKeyed,
  readAll,
  survivors,
} from './compaction-helpers.ts'
import { directory, openInline, undo } from '../support/undo.ts'

const open = (dir: string, options: LogOptions = {}): Promise<DurableBroker> =>
  openInline(dir, { segmentBytes: 8192, compactOnSeal: false, ...options })

describe('compaction', () => {
  test('keeps the newest message of each key with its offset, all without a key, and everything of other topics', async () => {
    const dir = directory()
    const broker = await open(dir, { compaction })
    await publishKeyed(broker, 0, 2000, randomFrom())
    const all = await readAll(broker)
    const bytes = broker.ledger().log.bytes

    const report = await broker.compact()
    const bases = [...readdirSync(dir)].filter((name) => name.endsWith('.seg')).toSorted()
    const untouched = Number.parseInt(bases.at(-2) ?? '', 10)

    expect(report.rewritten).toBeGreaterThan(3)
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore * 0.8)
    expect(await readAll(broker), `seed ${seed}`).toEqual(survivors(all, untouched))
    expect(broker.ledger().log.bytes).toBeLessThan(bytes * 0.85)
    expect(broker.ledger().log.compacted).toBe(report.compaction)
    assertBalanced(broker.ledger())
    expect(await broker.compact()).toMatchObject({ rewritten: 0 })

    const [half] = survivors(all, untouched).slice(40)
    const from = half?.offset ?? 0
    const topic = half?.topic ?? ''
    const tail = survivors(all, untouched).filter((line) => line.topic === topic && line.offset >= from)
    expect(await readAll(broker, topic, from)).toEqual(tail)
    expect(await readAll(broker, topic, from - 1)).toEqual(
      survivors(all, untouched).filter((line) => line.topic === topic && line.offset >= from - 1),
    )
  })

  test('survives closing, a crash, further compaction, and copies', async () => {
    const dir = directory()
    const next = randomFrom()
    let broker = await open(dir, { compaction })
    let all: readonly Line[] = []
    for (let round = 0; round < 6; round++) {
      await publishKeyed(broker, round * 300, round * 300 + 300, next)
      const before = await readAll(broker)
      all = [...all, ...before.filter(({ seq }) => seq > (all.at(-1)?.seq ?? -1))]
      await broker.compact()
      const after = await readAll(broker)
      expect(after.every((line) => before.some(({ seq }) => seq === line.seq))).toBe(true)
      const copy = directory()
      rmSync(copy, { recursive: true })
      await broker.snapshot(copy)
      const crashed = await open(copy)
      expect(await readAll(crashed), `seed ${seed}, round ${round}`).toEqual(after)
      expect(crashed.topics()).toEqual(broker.topics())
      assertBalanced(crashed.ledger())
      assertSound(nodeFileSystem, dir)
      await broker.close()
      broker = await open(dir, { compaction })
      expect(await readAll(broker)).toEqual(after)
      expect(broker.ledger().log.compacted).toBeGreaterThan(0)
    }
    const newest = survivors(all, Number.POSITIVE_INFINITY)
    const left = await readAll(broker)
    expect(newest.every((line) => left.some(({ seq }) => seq === line.seq))).toBe(true)
  })

  test('goes on under readers that are anywhere, here and in a follower', async () => {
    const dir = directory()
    const next = randomFrom()
    const broker = await open(dir, { compaction })
    await publishKeyed(broker, 0, 3000, next)
    const all = await readAll(broker)
    const last = all.at(-1)?.seq ?? 0
    const follower = openLogFollower(dir, { pollMs: 1 })
    undo.push(() => follower.close())
    const readers = Array.from({ length: 12 }, (_, n) => {
      const subscription = (n % 3 === 0 ? follower : broker).subscribe('>', { from: 'start' })
      return { messages: subscription[Symbol.asyncIterator](), got: [] as Line[] }
    })
    const step = async ({ got, messages }: (typeof readers)[number], count: number): Promise<void> => {
      for (let n = 0; n < count && got.at(-1)?.seq !== last; n++) {
        const { value } = await messages.next()
        got.push(lineOf(value as StoredMessage))
      }
    }
    for (const reader of readers) await step(reader, Math.floor(next() * 2000))
    await broker.compact()
    const left = new Set((await readAll(broker)).map(({ seq }) => seq))
    for (const reader of readers) await step(reader, 3000)

    for (const { got } of readers) {
      const seqs = got.map(({ seq }) => seq)
      expect(seqs, `seed ${seed}`).toEqual([...new Set(seqs)].toSorted((a, b) => a - b))
      expect(got).toEqual(all.filter(({ seq }) => seqs.includes(seq)))
      expect(seqs.filter((seq) => left.has(seq))).toEqual([...left])
    }
  })

  test('happens by itself when segments are sealed, and bounds the log', async () => {
    const dir = directory()
    const broker = await open(dir, { compaction, compactOnSeal: true, segmentBytes: 16_384 })
    for (let round = 0; round < 40; round++)
      await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          broker.publish('users.a', { round, pad: 'x'.repeat(60) }, { key: `k${n % 10}` }),
        ),
      )
    await until(() => broker.ledger().log.compacted > 2000)
    await broker.compact()
    const { bytes } = broker.ledger().log
    await broker.close()
    const again = await open(dir)

    expect(bytes).toBeLessThan(200_000)
    expect(again.ledger().log.compacted).toBeGreaterThan(2000)
    assertSound(nodeFileSystem, dir)
  })

  test('a tombstone hides what was under its key, is seen by readers, and goes in the end', async () => {
    const clock = new ManualClock()
    const dir = directory()
    const broker = await open(dir, { compaction: { topics: ['users'], tombstoneMs: 1000 }, clock })
    const fill = async (): Promise<void> => {
      for (let n = 0; n < 300; n++) {
        broker.topic('other').append('x'.repeat(60))
        if (n % 20 === 19) await broker.flush()
      }
    }
    await broker.publish('users', { name: 'ann' }, { key: 'ann' })
    await broker.publish('users', undefined, { key: 'ann', tombstone: true })
    await fill()
    await broker.compact()
    const tombstones = await readAll(broker, 'users')
    expect(tombstones).toMatchObject([{ offset: 1, key: 'ann', payload: undefined }])
    const subscription = broker.subscribe('users', { from: 'start' })
    expect((await subscription[Symbol.asyncIterator]().next()).value).toMatchObject({ tombstone: true })
    subscription.close()

    clock.advance(2000)
    await fill()
    await broker.compact()
    expect(await readAll(broker, 'users')).toEqual([])
    expect(broker.topics()).toContainEqual({ topic: 'users', first: 0, next: 2 })
    await expect(broker.publish('users', 1, { tombstone: true })).rejects.toThrow('needs the key')
  })

  test('refuses what it cannot do, and says what to compact', async () => {
    const broker = await open(directory())
    await expect(broker.compact()).rejects.toThrow('Say what to compact')
    await expect(open(directory(), { compaction: { topics: ['a..b'] } })).rejects.toThrow('a..b')
    await expect(open(directory(), { retention: { topics: { a: { count: -1 } } } })).rejects.toThrow(
      'retention.topics["a"].count',
    )
  })
})
