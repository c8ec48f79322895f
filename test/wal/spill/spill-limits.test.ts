import { describe, expect, test } from 'vitest'
import {
  assertBalanced,
  createBroker,
  InvalidOptionError,
  MailboxFullError,
  type MemoryBroker,
} from '../../../src/index.ts'
import { DiskSpillArea } from '../../../src/wal/spill/spill-area.ts'
import { turn, until, watch } from '../../support/watch.ts'
import { numbers, simulated, sizeOnDisk } from './simulated.ts'

describe('when the disk may take no more', () => {
  const bounded = async (options: object) => {
    const spillBytes = (await sizeOnDisk('x')) * 10
    const { area, broker } = simulated()
    const slow = broker.subscribe('a', { overflow: 'spill', capacity: 5, spillBytes, ...options })
    const publish = (n: number) => broker.publish('a', { n, pad: 'x' })
    for (let n = 0; n < 15; n++) await publish(n)
    return { area, broker, publish, slow }
  }

  test('fail refuses, and the publisher hears of it: that is the default', async () => {
    const { broker, publish, slow } = await bounded({})
    await expect(publish(15)).rejects.toThrow(MailboxFullError)
    expect(slow.ledger()).toMatchObject({ pending: 15, dropped: { refused: 1 } })
    slow.poll()
    await expect(publish(16)).rejects.toThrow(MailboxFullError) // room in memory is not at the end of the queue
    for (let left = 5; left > 0; left--) slow.poll()
    await publish(17)
    assertBalanced(broker.ledger())
  })

  test('drop-newest drops the copy', async () => {
    const { broker, publish, slow } = await bounded({ spillOverflow: 'drop-newest' })
    for (let n = 15; n < 20; n++) await publish(n)
    expect(slow.ledger()).toMatchObject({ pending: 15, dropped: { 'buffer-full': 5 } })
    for (let n = 0; n < 15; n++) expect(slow.poll()?.payload).toMatchObject({ n })
    expect(slow.poll()).toBeUndefined()
    assertBalanced(broker.ledger())
  })

  test('drop-oldest drops what was to be read next', async () => {
    const { broker, publish, slow } = await bounded({ spillOverflow: 'drop-oldest' })
    for (let n = 15; n < 40; n++) await publish(n)
    const { dropped, pending } = slow.ledger()
    expect(dropped['evicted-oldest']).toBe(40 - pending)
    for (let n = 40 - pending; n < 40; n++) expect(slow.poll()?.payload).toMatchObject({ n })
    assertBalanced(broker.ledger())
  })

  test('block makes the publisher wait until there is room', async () => {
    const { broker, publish, slow } = await bounded({ spillOverflow: 'block' })
    const waiting = watch(publish(15))
    await turn()
    expect(waiting.state).toBe('pending')
    expect(slow.ledger().waiting).toBe(1)
    for (let n = 0; n < 16; n++) expect(slow.poll()?.payload).toMatchObject({ n })
    await until(() => waiting.state === 'resolved')
    assertBalanced(broker.ledger())
  })

  test('disconnect ends the slow subscription', async () => {
    const { area, broker, publish, slow } = await bounded({ spillOverflow: 'disconnect' })
    await publish(15)
    expect(slow.closed).toBe(true)
    expect(slow.ledger().dropped.disconnected).toBe(16)
    expect(area.usedBytes).toBe(0)
    assertBalanced(broker.ledger())
  })

  test('the area bounds all mailboxes together', async () => {
    const bytes = await sizeOnDisk('x')
    const { area, broker } = simulated({ maxBytes: bytes * 10 })
    const options = { overflow: 'spill', capacity: 1, spillOverflow: 'drop-newest' } as const
    const slow = ['a', 'b', 'c'].map((topic) => broker.subscribe(topic, options))
    for (let n = 0; n < 10; n++)
      for (const topic of ['a', 'b', 'c']) await broker.publish(topic, { n, pad: 'x' })
    const spilled = slow.map((subscription) => subscription.ledger().spill?.copies ?? 0)
    expect(spilled.reduce((sum, copies) => sum + copies)).toBe(10)
    expect(area.usedBytes).toBeLessThanOrEqual(bytes * 10)
    slow[0]?.close()
    await broker.publish('b', { n: 10, pad: 'x' })
    expect(slow[1]?.ledger().spill?.copies).toBe((spilled[1] ?? 0) + 1)
  })

  test('a message larger than the bound is refused for ever', async () => {
    const { broker } = simulated({ maxBytes: 1000 })
    const slow = broker.subscribe('a', { overflow: 'spill', capacity: 1 })
    await broker.publish('a', 'small')
    await expect(broker.publish('a', 'x'.repeat(2000))).rejects.toThrow(MailboxFullError)
    expect(slow.ledger().dropped['too-large']).toBe(1)
  })
})

describe('what cannot be spilled', () => {
  test('a payload that cannot be cloned is dropped as spill-failed, and the publisher hears of it', async () => {
    const { broker } = simulated()
    const slow = broker.subscribe('a', { overflow: 'spill', capacity: 1 })
    await broker.publish('a', () => 1)
    await expect(broker.publish('a', () => 2)).rejects.toThrow(MailboxFullError)
    await broker.publish('a', { n: 3 })
    expect(slow.ledger()).toMatchObject({ pending: 2, dropped: { 'spill-failed': 1 } })
    assertBalanced(broker.ledger())
  })

  test('without a place on disk the policy and keepDropped are refused', () => {
    const broker = createBroker()
    expect(() => broker.subscribe('a', { overflow: 'spill' })).toThrow(InvalidOptionError)
    expect(() => broker.subscribe('a', { keepDropped: true })).toThrow(InvalidOptionError)
    expect(broker.capabilities.overflow).not.toContain('spill')
    const { broker: spilling } = simulated()
    expect(spilling.capabilities.overflow).toContain('spill')
    expect(() => spilling.subscribe('a', { spillBytes: 5 } as object)).toThrow(InvalidOptionError)
    expect(() => spilling.subscribe('a', { overflow: 'spill', spillOverflow: 'latest' } as object)).toThrow(
      InvalidOptionError,
    )
  })
})

describe('a disk that fails', () => {
  /** Publishes until some 64 KiB blocks are full. */
  const fill = async (broker: MemoryBroker, from: number, to: number) => {
    for (let n = from; n < to; n++) await broker.publish('a', { n, pad: 'x'.repeat(1000) })
  }

  test.each(['open', 'write'] as const)(
    'one whose %s fails is as good as full, and is used again when it works',
    async (on) => {
      const { broker, disk } = simulated()
      const slow = broker.subscribe('a', { overflow: 'spill', capacity: 1, spillOverflow: 'drop-newest' })
      await fill(broker, 0, 40)
      disk.failAt(1, { kind: 'ENOSPC', on, times: 1_000_000 })
      await fill(broker, 40, 300)
      const { dropped, pending } = slow.ledger()
      expect(dropped['buffer-full']).toBeGreaterThan(100)
      expect(pending).toBe(300 - dropped['buffer-full'])
      disk.heal()
      await fill(broker, 300, 400)
      expect(slow.ledger().dropped).toEqual(dropped)
      const got: unknown[] = []
      for (let message = slow.poll(); message !== undefined; message = slow.poll())
        got.push(...numbers([message]))
      const kept = 300 - dropped['buffer-full']
      expect(got).toEqual(Array.from({ length: kept + 100 }, (_, n) => (n < kept ? n : n - kept + 300)))
      assertBalanced(broker.ledger())
    },
  )

  test('copies that cannot be read any more are counted and said', async () => {
    const warnings: string[] = []
    const { broker, disk } = simulated({}, { warning: ({ code }) => warnings.push(code) })
    const slow = broker.subscribe('a', { overflow: 'spill', capacity: 1 })
    await fill(broker, 0, 300)
    const [path = ''] = disk.paths().filter((name) => name.endsWith('.spill'))
    disk.corrupt(path, (bytes) => {
      bytes[70_000] = (bytes[70_000] ?? 0) ^ 1
    })
    const got: unknown[] = []
    for (let message = slow.poll(); message !== undefined; message = slow.poll())
      got.push(...numbers([message]))
    const lost = slow.ledger().dropped['spill-failed']
    expect(lost).toBeGreaterThan(30)
    expect(got.length).toBe(300 - lost)
    expect(got).toEqual([...got].toSorted((a, b) => Number(a) - Number(b)))
    expect(warnings).toEqual(['spill-failed'])
    assertBalanced(broker.ledger())
  })

  test('what a killed process left is removed and told', async () => {
    const { broker, disk } = simulated()
    broker.subscribe('a', { overflow: 'spill', capacity: 1 })
    await fill(broker, 0, 200)
    const next = new DiskSpillArea(disk.kill(), '/area', {}, () => Promise.resolve())
    expect(next.discarded.files).toBe(1)
    expect(next.discarded.bytes).toBeGreaterThan(100_000)
  })

  test('an area that is closed too early says what was lost with it', async () => {
    const warnings: string[] = []
    const { area, broker } = simulated({}, { warning: ({ code }) => warnings.push(code) })
    const slow = broker.subscribe('a', { overflow: 'spill', capacity: 1 })
    await fill(broker, 0, 10)
    await area.close()
    expect(warnings).toEqual(['spill-failed'])
    expect(slow.ledger()).toMatchObject({ pending: 1, dropped: { 'spill-failed': 9 } })
    assertBalanced(broker.ledger())
  })
})
