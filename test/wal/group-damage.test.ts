import { describe, expect, test } from 'vitest'
import type { GroupDelivery } from '../../src/wal/contract.ts'
import { LogCorruptError, LogNewerError } from '../../src/wal/errors.ts'
import { openDurableBroker } from '../../src/wal/index.ts'
import type { LogOptions } from '../../src/wal/store/open-options.ts'
import { SimDisk } from '../crash/sim-disk.ts'
import { random } from '../support/seed.ts'
import { until } from '../support/watch.ts'

const dir = '/data/log'
// Nothing but the group keeps its records.
const retention = { count: 1, keepFor: 'groups' } as const
const options = (fileSystem: SimDisk): LogOptions => ({
  ...{ fileSystem, engine: 'inline', segmentBytes: 4096 + 900, compactOnSeal: false, retention },
})

/** A log of several segments whose group has acked its first records and then stopped. */
async function makeLog(
  end: 'closed' | 'crashed',
): Promise<{ disk: SimDisk; cursor: number; published: number }> {
  const disk = new SimDisk(['/data'])
  const broker = await openDurableBroker(dir, options(disk))
  const member = broker.subscribe('jobs', { group: 'g', from: 'start' })
  const published = 30
  for (let n = 0; n < published; n++) {
    await broker.publish('jobs', 'x'.repeat(60))
    const delivery = n % 6 === 0 ? ((await member.next()).value as GroupDelivery) : undefined
    delivery?.ack()
    const { appended } = broker.ledger().log
    if (delivery !== undefined) await until(() => broker.ledger().log.appended > appended)
  }
  const [group] = await broker.groups()
  if (end === 'closed') await broker.close()
  else await broker.flush()
  const left = disk.kill()
  left.settle()
  return { disk: left, cursor: group?.cursor ?? -1, published }
}

/** What opening the log, with its retention, has left; undefined when it was refused. */
async function look(
  disk: SimDisk,
): Promise<{ cursor: number | undefined; evicted: number; next: number } | undefined> {
  try {
    const broker = await openDurableBroker(dir, options(disk))
    // Counting what lies before a group reads it, and may meet the damage.
    const [group] = await broker.groups().catch(() => [])
    const { evicted } = broker.ledger().log
    return { cursor: group?.cursor, evicted, next: broker.topics()[0]?.next ?? 0 }
  } catch (error) {
    if (error instanceof LogCorruptError || error instanceof LogNewerError) return undefined
    throw error
  }
}

describe('a damaged cursor', () => {
  test.each(['closed', 'crashed'] as const)(
    'costs no message that the group has not acked, in a log that was %s',
    { timeout: 120_000 },
    async (end) => {
      const { cursor, disk, published } = await makeLog(end)
      const draw = random()
      const files = disk.paths().filter((path) => path.endsWith('.seg'))
      let [refused, opened] = [0, 0]
      for (const path of files) {
        const { length } = disk.bytesOf(path)
        for (let at = 4096; at < length; at += 1 + Math.floor(draw() * 12)) {
          const crashed = disk.kill()
          crashed.corrupt(path, (bytes) => {
            bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(draw() * 8))
          })
          const before = crashed.paths()
          const found = await look(crashed)
          if (found === undefined) refused++
          else opened++
          // What lies before the cursor may go; nothing else, and nothing at all when the log is refused.
          expect(found?.cursor ?? 0).toBeLessThanOrEqual(cursor)
          expect(found?.evicted ?? 0).toBeLessThanOrEqual(cursor)
          expect(found?.next ?? published).toBeGreaterThanOrEqual(published - (end === 'crashed' ? 1 : 0))
          expect(found === undefined ? crashed.paths() : before).toEqual(before)
        }
      }
      expect(files.length).toBeGreaterThan(4)
      expect(refused).toBeGreaterThan(50)
      expect(opened).toBeGreaterThan(50)
    },
  )
})
