import { expect, test } from 'vitest'
import { JobRunner } from '../../src/wal/commit/job-runner.ts'
import { BatchBuilder } from '../../src/wal/format/batch-builder.ts'
import { Encoding } from '../../src/wal/format/layout.ts'
import { openLog } from '../../src/wal/recovery/open-log.ts'
import { SegmentWriter } from '../../src/wal/segment/segment-writer.ts'
import { SimDisk } from '../crash/sim-disk.ts'
import { random, seed } from '../support/seed.ts'
import { dir } from './crash-scenario.ts'
import { readAll } from './sim-log.ts'

const parts = 4

test.each([1, 2, 3, 4])('a job of four parts whose write %d fails is taken back as a whole', (failing) => {
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
  expect(runner.run({ parts: [batch('before'), batch('it')], sync: true })).toBeUndefined()

  disk.failAt(failing, { on: 'write', kind: 'ENOSPC' })
  const job = { parts: Array.from({ length: parts }, (_, n) => batch(`part ${n}`)), sync: true }
  expect(runner.run(job)).toMatchObject({ stored: 'no', error: { code: 'ENOSPC' } })

  expect(texts(disk)).toEqual(['before', 'it'])
  for (const after of disk.crashStates(undefined, { limit: 50, random: random(seed), seen: new Set() })) {
    expect(texts(after.disk), after.describe()).toEqual(['before', 'it'])
  }
})

function texts(disk: SimDisk): string[] {
  return readAll(disk, dir).map((record) => record.text)
}
