import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { assertBalanced, createBroker, type Message } from '../../../src/index.ts'
import { turn } from '../../support/watch.ts'
import {
  type DroppedFilter,
  type KeptCopy,
  openDurableBroker,
  openSpillArea,
  type SpillArea,
} from '../../../src/wal/index.ts'

let dir = ''

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'spillway-dropped-'))
})

afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

async function listed(area: SpillArea, filter?: DroppedFilter): Promise<readonly KeptCopy[]> {
  const copies: KeptCopy[] = []
  for await (const copy of area.dropped(filter)) copies.push(copy)
  return copies
}

function payloads(copies: readonly { readonly message: Message }[]): readonly unknown[] {
  return copies.map(({ message }) => message.payload)
}

describe('keepDropped', () => {
  test('every copy that is dropped is kept, with the reason and whose it was', async () => {
    await using area = await openSpillArea(dir)
    const broker = createBroker({ spill: area })
    const newest = broker.subscribe('a', { capacity: 2, keepDropped: true })
    const oldest = broker.subscribe('a', {
      capacity: 1,
      overflow: 'drop-oldest',
      keepDropped: true,
      group: 'g',
    })
    broker.subscribe('a', { capacity: 1 })
    for (let n = 0; n < 4; n++) await broker.publish('a', n, { headers: { n: String(n) }, id: `id-${n}` })
    oldest.close()
    const kept = await listed(area)
    const told = kept.map(
      ({ message, reason, subscription: { group = '' } }) => `${message.id} ${reason} ${group}`,
    )
    expect(told.toSorted()).toEqual([
      'id-0 evicted-oldest g',
      'id-1 evicted-oldest g',
      'id-2 buffer-full ',
      'id-2 evicted-oldest g',
      'id-3 buffer-full ',
      'id-3 closed g',
    ])
    expect(kept[0]?.message).toMatchObject({ topic: 'a', headers: { n: '0' }, id: 'id-0' })
    expect(kept[0]?.droppedAt).toBeGreaterThan(1_700_000_000_000)
    expect(payloads(await listed(area, { reason: 'closed' }))).toEqual([3])
    expect(payloads(await listed(area, { subscription: 'g', pattern: 'a' }))).toEqual([0, 1, 2, 3])
    expect(payloads(await listed(area, { subscription: newest.id }))).toEqual([2, 3])
    expect(await listed(area, { pattern: 'b.>' })).toEqual([])
    assertBalanced(broker.ledger())
  })

  test('what was spilled and not read before the end is kept too', async () => {
    await using area = await openSpillArea(dir)
    const broker = createBroker({ spill: area })
    const slow = broker.subscribe('a', { overflow: 'spill', capacity: 2, keepDropped: true })
    for (let n = 0; n < 2000; n++) await broker.publish('a', { n, at: new Date(n) })
    slow.close()
    const kept = await listed(area)
    expect(payloads(kept)).toEqual(Array.from({ length: 2000 }, (_, n) => ({ n, at: new Date(n) })))
    expect(area.usedBytes).toBe(0)
    assertBalanced(broker.ledger())
  })

  test('kept copies are there after a restart, are published again in order, and only once', async () => {
    const first = await openSpillArea(dir)
    const broker = createBroker({ spill: first })
    broker.subscribe('a', { capacity: 1, keepDropped: true })
    for (let n = 0; n < 5; n++) await broker.publish('a', n, { id: `id-${n}`, headers: { h: 'x' } })
    await broker.close()
    await first.close()

    await using area = await openSpillArea(dir)
    const target = createBroker()
    const reader = target.subscribe('a', { capacity: 2, overflow: 'fail' })
    const report = await area.replayDropped(target, { reason: 'buffer-full' })
    expect(report).toMatchObject({ published: 2, error: { code: 'SPW_MAILBOX_FULL' } })
    expect([reader.poll(), reader.poll()]).toMatchObject([
      { payload: 1, id: 'id-1', headers: { h: 'x' } },
      { payload: 2, id: 'id-2' },
    ])
    expect(payloads(await listed(area))).toEqual([3, 4, 0]) // the last was dropped when its broker closed
    expect((await listed(area, { replayed: true })).map(({ replayed }) => replayed)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
    expect(await area.replayDropped(target, { reason: 'buffer-full' })).toEqual({
      published: 2,
      error: undefined,
    })
    expect(await area.replayDropped(target, { reason: 'buffer-full' })).toEqual({
      published: 0,
      error: undefined,
    })
  })

  test('that a copy was published again is remembered across a restart', async () => {
    for (const expected of [2, 0]) {
      const area = await openSpillArea(dir)
      const broker = createBroker({ spill: area })
      if (expected === 2) {
        const slow = broker.subscribe('a', { capacity: 1, keepDropped: true })
        for (let n = 0; n < 3; n++) await broker.publish('a', n)
        slow.poll()
        slow.close()
      }
      expect((await area.replayDropped(broker)).published).toBe(expected)
      await broker.close()
      await area.close()
    }
  })

  test('the oldest kept copies go when there are too many bytes', async () => {
    await using area = await openSpillArea(dir, { keepBytes: 100_000 })
    const broker = createBroker({ spill: area })
    broker.subscribe('a', { capacity: 1, keepDropped: true })
    for (let n = 0; n < 1000; n++) {
      await broker.publish('a', { n, pad: 'x'.repeat(1000) })
      await turn() // what is dropped in one turn is one write
    }
    const kept = payloads(await listed(area)) as readonly { readonly n: number }[]
    expect(kept.length).toBeGreaterThan(40)
    expect(kept.length).toBeLessThan(110)
    expect(kept.at(-1)?.n).toBe(999)
  })

  test('on a durable broker they are beside its log', async () => {
    const broker = await openDurableBroker(dir, { engine: 'inline', sync: 'os' })
    broker.subscribe('a', { capacity: 1, keepDropped: true })
    for (let n = 0; n < 3; n++) await broker.publish('a', n)
    expect(payloads(await listed(broker.spill))).toEqual([1, 2])
    await broker.close()
  })

  test('a copy that cannot be kept is told to the observer, and drops nothing else', async () => {
    const failures: unknown[] = []
    await using area = await openSpillArea(dir)
    const broker = createBroker({
      spill: area,
      observer: { callbackError: ({ callback }) => failures.push(callback) },
    })
    const slow = broker.subscribe('a', { capacity: 1, keepDropped: true })
    await broker.publish('a', 0)
    await broker.publish('a', () => 1)
    await broker.publish('a', 2)
    expect(failures).toEqual(['keepDropped'])
    expect(slow.ledger()).toMatchObject({ pending: 1, dropped: { 'buffer-full': 2 } })
    expect(payloads(await listed(area))).toEqual([2])
  })
})
