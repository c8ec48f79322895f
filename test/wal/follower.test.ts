import { describe, expect, test } from 'vitest'
import { OffsetEvictedError } from '../../src/index.ts'
import { type LogFollower, openLogFollower } from '../../src/wal/index.ts'
import type { DurableBroker, DurableBrokerOptions } from '../../src/wal/contract.ts'
import { until } from '../support/watch.ts'
import { random as randomFrom, seed } from '../support/seed.ts'
import { directory, openInline, undo } from '../support/undo.ts'

const write = (dir: string, options: DurableBrokerOptions = {}): Promise<DurableBroker> =>
  openInline(dir, { segmentBytes: 8192, ...options })

function follow(dir: string, level: 'synced' | 'written' = 'synced'): LogFollower {
  const log = openLogFollower(dir, { level, pollMs: 1 })
  undo.push(() => log.close())
  return log
}

async function take(log: LogFollower, pattern: string, count: number, from: 'start' | number = 'start') {
  const got: unknown[] = []
  for await (const { payload } of log.subscribe(pattern, { from })) {
    got.push(payload)
    if (got.length === count) break
  }
  return got
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

describe('a follower', () => {
  test('reads what was published before it opened and what is published while it reads, over many segments', async () => {
    const dir = directory()
    const broker = await write(dir)
    const publish = (from: number, to: number) =>
      Promise.all(numbers(from, to).map((n) => broker.publish(`t.${n % 3}`, n)))
    await publish(0, 500)
    const log = follow(dir)
    const reading = take(log, 't.*', 5000)
    for (let n = 500; n < 5000; n += 500) await publish(n, n + 500)

    expect(await reading).toEqual(numbers(0, 5000))
    expect(broker.ledger().log.segments).toBeGreaterThan(10)
    expect(log.topics()).toEqual(broker.topics())
  })

  test('opens at any time and at any position without a gap or a repetition', async () => {
    const random = randomFrom()
    const dir = directory()
    const broker = await write(dir)
    for (let round = 0, next = 0; round < 40; round++) {
      const add = Math.floor(random() * 60)
      for (const n of numbers(next, next + add)) broker.topic('a').append(n)
      const flushed = broker.flush()
      if (random() < 0.5) await flushed
      next += add
      await flushed
      const from = Math.floor(random() * next)
      const log = openLogFollower(dir, { pollMs: 1 })
      await until(() => next === 0 || log.topics()[0]?.next === next)
      const got = next === from ? [] : await take(log, 'a', next - from, from)
      expect(got, `seed ${seed}, round ${round}`).toEqual(numbers(from, next))
      await log.close()
    }
  })

  test('shows nothing before it is synced, unless it is asked to', async () => {
    const dir = directory()
    const broker = await write(dir, { sync: 'os' })
    const careful = follow(dir)
    const eager = follow(dir, 'written')
    await broker.publish('a', 1)
    await broker.publish('a', 2)

    expect(await take(eager, 'a', 2)).toEqual([1, 2])
    expect(careful.topics()).toEqual([])

    await broker.close() // which syncs
    expect(await take(careful, 'a', 2)).toEqual([1, 2])
  })

  test('shows the last message of an idle log soon, though nothing is written after it', async () => {
    const dir = directory()
    const broker = await write(dir)
    const log = follow(dir)
    await broker.publish('a', 'only')

    expect(await take(log, 'a', 1)).toEqual(['only'])
  })

  test('knows what retention has removed', async () => {
    const dir = directory()
    const broker = await write(dir, { retention: { count: 300 } })
    const log = follow(dir)
    for (let n = 0; n < 40; n++) {
      for (const k of numbers(n * 50, n * 50 + 50)) broker.topic('a').append({ k, pad: 'x'.repeat(50) })
      await broker.flush()
    }
    await broker.close()

    const [topic] = log.topics()
    expect(topic).toEqual({ topic: 'a', first: log.counts().evicted, next: 2000 })
    expect(topic?.first).toBeGreaterThan(1000)
    expect(() => log.subscribe('a', { from: 0 })).toThrow(OffsetEvictedError)
    const [first] = (await take(log, 'a', 1)) as { k: number }[]
    expect(first?.k).toBe(topic?.first)
  })

  test('knows the groups and how far behind they are', async () => {
    const dir = directory()
    const broker = await write(dir)
    const member = broker.subscribe('a', { group: 'g', from: 'start' })
    for (const n of numbers(0, 10)) await broker.publish('a', n)
    for await (const message of member) {
      message.ack()
      if (message.offset === 3) break
    }
    await broker.close()

    expect(await follow(dir).groups()).toMatchObject([
      { name: 'g', pattern: 'a', lagMessages: 6, members: 0, lost: 0 },
    ])
  })

  test('takes no lock, changes nothing, and refuses a directory without a log', async () => {
    const dir = directory()
    expect(() => openLogFollower(`${dir}/none`)).toThrow(expect.objectContaining({ code: 'ENOENT' }))
    expect(() => openLogFollower(dir)).toThrow(expect.objectContaining({ code: 'ENOENT' }))
    await (await write(dir)).close()
    const log = follow(dir)
    const broker = await write(dir)
    await broker.publish('a', 1)

    expect(await take(log, 'a', 1)).toEqual([1])
  })
})
