import { describe, expect, test } from 'vitest'
import { assertBalanced, OffsetEvictedError } from '../../src/index.ts'
import { openLogFollower, type DurableBroker } from '../../src/wal/index.ts'
import { openLog } from '../../src/wal/recovery/open-log.ts'
import type { LogOptions } from '../../src/wal/store/open-options.ts'
import { explore } from '../crash/explore.ts'
import { SimDisk } from '../crash/sim-disk.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { random as randomFrom } from '../support/seed.ts'
import { until } from '../support/watch.ts'
import { assertSound, compaction, publishKeyed, readAll, recordsIn } from './compaction-helpers.ts'
import { directory, openInline, undo } from '../support/undo.ts'

const open = (dir: string, options: LogOptions = {}): Promise<DurableBroker> =>
  openInline(dir, { segmentBytes: 8192, compactOnSeal: false, ...options })

describe('retention per topic', () => {
  const fill = async (broker: DurableBroker, topic: string, count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      broker.topic(topic).append({ n, pad: 'x'.repeat(40) })
      if (n % 20 === 19) await broker.flush()
    }
    await broker.flush()
  }

  test('by count, bytes and age takes the oldest of a topic and nothing of others', async () => {
    const clock = new ManualClock()
    const topics = { 'debug.>': { count: 50 }, small: { bytes: 2000 }, old: { ageMs: 1000 } }
    const broker = await open(directory(), { retention: { topics }, clock })
    for (const topic of ['kept', 'debug.a', 'small', 'old']) await fill(broker, topic, 200)
    clock.advance(5000)
    await fill(broker, 'kept', 400)
    const report = await broker.compact()
    const first = Object.fromEntries(broker.topics().map(({ topic, first: offset }) => [topic, offset]))

    expect(report.retention).toBe(broker.ledger().log.compacted)
    expect(first['kept']).toBe(0)
    expect(first['debug.a']).toBe(150)
    expect(first['small']).toBeGreaterThan(150)
    expect(first['old']).toBe(200)
    for (const topic of ['kept', 'debug.a', 'small', 'old'])
      expect((await readAll(broker, topic)).map(({ offset }) => offset)[0], topic).toBe(
        first[topic] === 200 ? undefined : first[topic],
      )
    expect(() => broker.subscribe('debug.a', { from: 149 })).toThrow(OffsetEvictedError)
    assertBalanced(broker.ledger())
  })

  test('is an error for a reader that it overtakes, and waits for groups', async () => {
    const dir = directory()
    const broker = await open(dir, { retention: { topics: { t: { count: 10 } } } })
    const member = broker.subscribe('t', { group: 'g', from: 'start' })
    await fill(broker, 't', 500)
    await broker.compact()
    expect(broker.topics()).toEqual([{ topic: 't', first: 0, next: 500 }])

    const follower = openLogFollower(dir, { pollMs: 1 })
    undo.push(() => follower.close())
    const elsewhere = follower.subscribe('t', { from: 'start' })
    const slow = broker.subscribe('t', { from: 'start' })
    const wild = broker.subscribe('>', { from: 'start' })
    const readers = [slow, wild, elsewhere].map((subscription) => subscription[Symbol.asyncIterator]())
    for (const reader of readers) await reader.next()
    for await (const message of member) {
      message.ack()
      if (message.offset === 499) break
    }
    // The cursor is on the disk a little later.
    for (let before = 0; broker.topics()[0]?.first === 0;) {
      await until(() => broker.ledger().log.appended > before)
      before = broker.ledger().log.appended
      await broker.compact()
    }

    expect(broker.topics()[0]?.first).toBeGreaterThan(300)
    const readOn = async (reader: AsyncIterator<unknown>): Promise<void> => {
      while ((await reader.next()).done !== true);
    }
    await until(() => follower.topics()[0]?.first === broker.topics()[0]?.first)
    for (const reader of readers) await expect(readOn(reader)).rejects.toBeInstanceOf(OffsetEvictedError)
    expect((await broker.groups())[0]).toMatchObject({ lost: 0 })
  })
})

test('a power failure during compaction loses nothing that it keeps, and no first offset', async () => {
  const dir = '/data/log'
  const disk = new SimDisk(['/data'])
  const options = { compaction, retention: { topics: { 'plain.>': { count: 100 } } }, fileSystem: disk }
  const broker = await open(dir, { ...options, segmentBytes: 8192 })
  await publishKeyed(broker, 0, 600, randomFrom(7))
  await broker.flush()
  const all = recordsIn(disk, dir)
  disk.settle()
  const { rewritten } = await broker.compact()
  const left = new Map(recordsIn(disk, dir).map((line) => [line.seq, line]))
  expect(rewritten).toBeGreaterThan(3)

  explore<never>(
    {
      disk: () => disk,
      run: () => undefined,
      check: (crashed) => {
        const { state } = openLog(crashed, dir, 1000)
        assertSound(crashed, dir)
        const found = new Map(recordsIn(crashed, dir).map((line) => [line.seq, line]))
        for (const line of all) {
          const there = found.get(line.seq)
          if (there === undefined && left.has(line.seq)) throw new Error(`record ${line.seq} is gone`)
          if (there !== undefined && JSON.stringify(there) !== JSON.stringify(line))
            throw new Error(`record ${line.seq} was changed`)
          const isPlain = line.topic.startsWith('plain')
          if (there === undefined && isPlain && state.topic(line.topic).first <= line.offset)
            throw new Error(`record ${line.seq} is gone, and the log does not know`)
        }
      },
    },
    { states: 1500, title: 'compaction' },
  )
})
