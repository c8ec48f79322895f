import { readdirSync, rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  assertBalanced,
  OffsetEvictedError,
  OffsetOutOfRangeError,
  PublishTimeoutError,
} from '../../src/index.ts'
import type { DurableBroker, StoredMessage } from '../../src/wal/contract.ts'
import { openDurableBroker } from '../../src/wal/index.ts'
import { until, watch } from '../support/watch.ts'
import { directory, openInline, undo } from '../support/undo.ts'

const small = { segmentBytes: 8192 }

async function publishMany(broker: DurableBroker, topic: string, from: number, to: number): Promise<void> {
  const publisher = broker.topic(topic)
  for (let n = from; n < to; n += 25) {
    for (let k = n; k < Math.min(to, n + 25); k++) publisher.append({ n: k, pad: 'x'.repeat(60) })
    await broker.flush()
  }
}

async function read(subscription: AsyncIterable<{ payload: unknown }>, count: number): Promise<number[]> {
  const got: number[] = []
  if (count === 0) return got
  for await (const { payload } of subscription) {
    got.push((payload as { n: number }).n)
    if (got.length === count) break
  }
  return got
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

describe('durable broker', () => {
  test('what was published is there after closing and opening again', async () => {
    const dir = directory()
    const first = await openInline(dir)
    const receipt = await first.publish(
      'orders.created',
      { id: 1 },
      { headers: { trace: 'abc' }, key: 'k', id: 'own' },
    )
    expect(receipt).toEqual({ level: 'synced', routed: true, offset: 0, seq: 0, duplicate: false })
    await first.publish('orders.paid', 'text')
    await first.publish('orders.raw', new Uint8Array([1, 2, 3]))
    await first.publish('orders.nothing', undefined)
    await first.close()
    const second = await openInline(dir)
    expect(second.recovery).toMatchObject({ created: false, clean: true, scannedBytes: 0, recordsFound: 0 })
    const messages: StoredMessage[] = []
    for await (const message of second.subscribe('orders.>', { from: 'start' }))
      if (messages.push(message) === 4) break
    expect(messages.map((message) => message.payload)).toEqual([
      { id: 1 },
      'text',
      new Uint8Array([1, 2, 3]),
      undefined,
    ])
    expect(messages[0]).toMatchObject({ id: 'own', headers: { trace: 'abc' }, offset: 0, seq: 0, key: 'k' })
    expect(new Set(messages.map((message) => message.id)).size).toBe(4)
    assertBalanced(second.ledger())
  })

  test('replays over many segments and goes on live, without a gap or a repetition', async () => {
    const broker = await openInline(directory(), small)
    await publishMany(broker, 'a', 0, 500)
    const reading = read(broker.subscribe('a', { from: 'start' }), 800)
    await publishMany(broker, 'a', 500, 800)
    expect(await reading).toEqual(range(0, 800))
    expect(broker.ledger().log.segments).toBeGreaterThan(5)
    assertBalanced(broker.ledger())
  })

  test('begins at an offset, at the last n, at a time, and at the end', async () => {
    let now = 1000
    const clock = { now: () => now, schedule: () => () => undefined }
    const broker = await openInline(directory(), { ...small, clock })
    for (let n = 0; n < 300; n += 50) {
      now = 1000 + n
      await publishMany(broker, n % 100 === 0 ? 'even.topic' : 'odd.topic', n, n + 50)
    }
    expect(await read(broker.subscribe('even.topic', { from: 120 }), 30)).toEqual(range(220, 250))
    expect(await read(broker.subscribe('even.topic', { from: -10 }), 10)).toEqual(range(240, 250))
    expect(await read(broker.subscribe('>', { from: -130 }), 130)).toEqual(range(170, 300))
    expect(await read(broker.subscribe('>', { from: -1e6 }), 300)).toEqual(range(0, 300))
    expect(await read(broker.subscribe('>', { from: new Date(1150) }), 150)).toEqual(range(150, 300))
    expect(await read(broker.subscribe('odd.*', { from: new Date(1101) }), 100)).toEqual([
      ...range(150, 200),
      ...range(250, 300),
    ])
    const live = read(broker.subscribe('>', { from: 'end' }), 50)
    await publishMany(broker, 'even.topic', 300, 350)
    expect(await live).toEqual(range(300, 350))
    expect(() => broker.subscribe('even.topic', { from: 201 })).toThrow(OffsetOutOfRangeError)
    expect(() => broker.subscribe('nobody', { from: 1 })).toThrow(OffsetOutOfRangeError)
  })

  test('live subscriptions see a message no earlier than it is stored, and a full block mailbox makes its publisher wait', async () => {
    const broker = await openInline(directory())
    const live = broker.subscribe('a', { overflow: 'block', capacity: 1, blockTimeoutMs: 20 })
    await broker.publish('a', 1)
    await expect(broker.publish('a', 2)).rejects.toThrow(PublishTimeoutError)
    expect(live.poll()?.payload).toBe(1)
    expect(broker.topics()).toEqual([{ topic: 'a', first: 0, next: 2 }])
    assertBalanced(broker.ledger())
  })

  test('a publish that waits for a full block mailbox gives up when its signal aborts, before or after it is stored', async () => {
    const broker = await openInline(directory())
    const live = broker.subscribe('a', { overflow: 'block', capacity: 1 })
    await broker.publish('a', 1)
    const [late, early] = [new AbortController(), new AbortController()]
    const waiting = watch(broker.publish('a', 2, { signal: late.signal }))
    await until(() => live.ledger().waiting === 1)
    late.abort('enough')
    await until(() => waiting.state === 'rejected')
    expect(waiting.error).toBe('enough')

    const storing = watch(broker.publish('a', 3, { signal: early.signal }))
    early.abort('at once')
    await until(() => storing.state === 'rejected')
    expect(storing.error).toBe('at once')
    expect(live.ledger().dropped.aborted).toBe(2)
    expect(broker.topics()).toEqual([{ topic: 'a', first: 0, next: 3 }])
    assertBalanced(broker.ledger())
  })

  test('a repeated publish of a producer is stored once, also after opening again', async () => {
    const dir = directory()
    const first = await openInline(dir)
    const producer = { id: 'p', sequence: 7 }
    const receipt = await first.publish('a', 'x', { producer })
    expect(await first.publish('a', 'x', { producer })).toMatchObject({
      offset: receipt.offset,
      duplicate: true,
    })
    await first.close()
    const second = await openInline(dir)
    expect(await second.publish('a', 'x', { producer })).toMatchObject({ offset: 0, seq: 0, duplicate: true })
    expect(await second.publish('a', 'y', { producer: { id: 'p', sequence: 8 } })).toMatchObject({
      offset: 1,
    })
  })

  test('retention removes whole segments, and a reader it overtakes is told so', async () => {
    const broker = await openInline(directory(), { ...small, retention: { count: 200 } })
    const slow = broker.subscribe('a', { from: 'start' })
    await publishMany(broker, 'a', 0, 1000)
    await until(() => broker.ledger().log.evicted > 0)
    const { log } = broker.ledger()
    expect(log.appended).toBe(log.retained + log.evicted)
    expect(log.retained).toBeGreaterThanOrEqual(200)
    const [topic] = broker.topics()
    expect(topic?.first).toBe(log.evicted)
    expect(() => broker.subscribe('a', { from: 0 })).toThrow(OffsetEvictedError)
    await expect(read(slow, 1000)).rejects.toMatchObject({
      code: 'SPW_OFFSET_EVICTED',
      first: log.evicted,
    })
    expect(slow.closed).toBe(true)
    expect(await read(broker.subscribe('a', { from: 'start' }), log.retained)).toEqual(
      range(log.evicted, 1000),
    )
    assertBalanced(broker.ledger())
  })

  test('a copy made while it is in use opens and holds everything published before', async () => {
    const dir = directory()
    const broker = await openInline(dir, small)
    await publishMany(broker, 'a', 0, 300)
    const copyDir = `${directory()}/copy`
    await broker.snapshot(copyDir)
    await publishMany(broker, 'a', 300, 600)
    const copy = await openInline(copyDir)
    expect(await read(copy.subscribe('a', { from: 'start' }), 300)).toEqual(range(0, 300))
    await copy.publish('a', { n: 300 })
    expect(await read(broker.subscribe('a', { from: 'start' }), 600)).toEqual(range(0, 600))
    expect(readdirSync(copyDir)).toContain('MANIFEST')
  })

  test('drain hands the tail to readers and handlers, then closes', async () => {
    const broker = await openInline(directory(), small)
    const handled: number[] = []
    broker.subscribe('a', ({ payload }) => void handled.push((payload as { n: number }).n), { from: 'start' })
    const reading = read(broker.subscribe('a', { from: 'start' }), 1e9)
    await publishMany(broker, 'a', 0, 300)
    const report = await broker.drain()
    expect(report.complete).toBe(true)
    expect(handled).toEqual(range(0, 300))
    expect(await reading).toEqual(range(0, 300))
    await expect(broker.publish('a', 1)).rejects.toMatchObject({ code: 'SPW_BROKER_CLOSED' })
  })

  test('a second process is refused while the directory is in use', async () => {
    const dir = directory()
    const broker = await openInline(dir)
    await expect(openDurableBroker(dir, { engine: 'inline' })).rejects.toMatchObject({
      code: 'SPW_LOG_LOCKED',
      pid: process.pid,
    })
    await broker.close()
    await openInline(dir)
  })

  test('retention leaves what the next open needs, also after a crash', async () => {
    const dir = directory()
    const broker = await openInline(dir, { ...small, retention: { bytes: 1 } })
    const member = broker.subscribe('early', { group: 'g', from: 'start' })
    await broker.publish('early', 1, { producer: { id: 'p', sequence: 7 } })
    await broker.publish('early', 2)
    const first = await member.next()
    if (first.done !== true) first.value.ack()
    await publishMany(broker, 'late', 0, 2000)
    const copy = `${dir}-copy`
    undo.push(() => rmSync(copy, { recursive: true, force: true }))
    await broker.snapshot(copy) // as after a crash: nothing was closed

    const again = await openInline(copy, small)

    const [late] = again.topics().filter(({ topic }) => topic === 'late')
    expect(again.topics()).toEqual(broker.topics())
    expect(again.topics()).toContainEqual({ topic: 'early', first: 2, next: 2 })
    expect(await again.groups()).toMatchObject([{ name: 'g', cursor: 2 }])
    expect(() => again.subscribe('late', { from: (late?.first ?? 0) - 1 })).toThrow(OffsetEvictedError)
    expect(await again.publish('early', 1, { producer: { id: 'p', sequence: 7 } })).toMatchObject({
      duplicate: true,
      offset: 0,
    })
  })
})
