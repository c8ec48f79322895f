import { expect, test } from 'vitest'
import type { Job } from '../../src/wal/commit/engine.ts'
import { JobIntake } from '../../src/wal/commit/job-intake.ts'
import { JobRunner } from '../../src/wal/commit/job-runner.ts'
import { BatchBuilder } from '../../src/wal/format/batch-builder.ts'
import { Encoding } from '../../src/wal/format/layout.ts'
import { nextHeader } from '../../src/wal/recovery/directory.ts'
import { openLog } from '../../src/wal/recovery/open-log.ts'
import { SegmentWriter } from '../../src/wal/segment/segment-writer.ts'
import { SimDisk } from '../crash/sim-disk.ts'
import { random, seed } from '../support/seed.ts'
import { dir } from './crash-scenario.ts'
import { readAll } from './sim-log.ts'

const parts = 4

test.each([1, 2, 3, 4])('a job of four parts whose write %d fails is taken back as a whole', (failing) => {
  const { batch, disk, runner } = opened()
  expect(runner.run({ parts: [batch('before'), batch('it')], sync: true })).toBeUndefined()

  disk.failAt(failing, { on: 'write', kind: 'ENOSPC' })
  const job = { parts: Array.from({ length: parts }, (_, n) => batch(`part ${n}`)), sync: true }
  expect(runner.run(job)).toMatchObject({ stored: 'no', error: { code: 'ENOSPC' } })

  expectAlways(disk, ['before', 'it'])
})

test('jobs done together have one sync, which makes all of them durable', () => {
  const { batch, disk, runner } = opened()
  const syncs = disk.calls('sync')
  const jobs = ['one', 'two', 'three'].map((text) => ({ parts: [batch(text)], sync: text === 'two' }))
  expect(runner.runTogether(jobs)).toBeUndefined()
  expect(disk.calls('sync')).toBe(syncs + 1)
  expectAlways(disk, ['one', 'two', 'three'])
})

test('jobs done together are all taken back when the write of one fails', () => {
  const { batch, disk, runner } = opened()
  runner.run({ parts: [batch('before')], sync: true })
  disk.failAt(2, { on: 'write', kind: 'EIO' })
  const jobs = ['one', 'two', 'three'].map((text) => ({ parts: [batch(text)], sync: true }))
  expect(runner.runTogether(jobs)).toMatchObject({ stored: 'no', error: { code: 'EIO' } })
  expect(runner.run({ parts: [batch('later')], sync: true })).toMatchObject({ stored: 'no' })
  expectAlways(disk, ['before'])
})

test('jobs done together all fail when their sync does, and may be found', () => {
  const { batch, disk, runner } = opened()
  disk.failAt(1, { on: 'sync', kind: 'EIO' })
  const jobs = ['one', 'two'].map((text) => ({ parts: [batch(text)], sync: true }))
  expect(runner.runTogether(jobs)).toMatchObject({ stored: 'unknown', error: { code: 'EIO' } })
})

test('what has come meanwhile is done together, up to 4 MiB, a new segment and the end', () => {
  const job = (bytes: number): Job => ({ parts: [new Uint8Array(bytes)], sync: true })
  const turning: Job = { ...job(8), next: nextHeader('0'.repeat(32), 1, 7, 4096, 1000) }
  const [half, small] = [job(2 << 20), job(8)]
  const messages: (Job | 'close')[] = [small, small, turning, turning, small, half, half, small, 'close']
  const intake = new JobIntake(() => messages.shift())
  const all = Array.from({ length: 8 }, () => intake.next())
  const together = [[small, small], [turning], [turning], [small, half, half], [small]]
  expect(all).toEqual([...together, 'close', undefined, undefined])
})

function opened() {
  const disk = new SimDisk([dir])
  const { start, state } = openLog(disk, dir, 1000)
  const runner = new JobRunner(new SegmentWriter(disk, dir, start, 0))
  const topic = state.topic('t')
  let seq = 0
  const batch = (text: string): Uint8Array => {
    const builder = new BatchBuilder(new Uint8Array(1024), seq++, 1000)
    builder.add(topic, Encoding.text, text)
    return builder.close()
  }
  return { batch, disk, runner }
}

/** Now, and after any power failure. */
function expectAlways(disk: SimDisk, expected: readonly string[]): void {
  expect(texts(disk)).toEqual(expected)
  for (const after of disk.crashStates(undefined, { limit: 50, random: random(seed), seen: new Set() })) {
    expect(texts(after.disk), after.describe()).toEqual(expected)
  }
}

function texts(disk: SimDisk): string[] {
  return readAll(disk, dir).map((record) => record.text)
}
