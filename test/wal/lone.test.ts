import { describe, expect, test } from 'vitest'
import type { Waiter } from '../../src/wal/commit/batch.ts'
import { CommitQueue } from '../../src/wal/commit/commit-queue.ts'
import type { Engine, Job, JobDone } from '../../src/wal/commit/engine.ts'
import { JobRunner } from '../../src/wal/commit/job-runner.ts'
import { LoneJobs } from '../../src/wal/commit/lone-jobs.ts'
import { LoneWriter } from '../../src/wal/commit/lone-writer.ts'
import { Turn } from '../../src/wal/commit/turn.ts'
import { Encoding } from '../../src/wal/format/layout.ts'
import { openLog } from '../../src/wal/recovery/open-log.ts'
import { SegmentWriter, type WriterStart } from '../../src/wal/segment/segment-writer.ts'
import { WriterPlace } from '../../src/wal/segment/writer-place.ts'
import { SimDisk } from '../crash/sim-disk.ts'
import { random, seed } from '../support/seed.ts'
import { crashScenario, dir, type Note } from './crash-scenario.ts'
import { readAll } from './sim-log.ts'

const segmentBytes = 4096 + 3000
const draw = random(seed)

/** The two writers of a `WorkerEngine` in one thread; lone jobs go to the one or to the other. */
class TwoWriters implements Engine {
  readonly turn = new Turn(new SharedArrayBuffer(4))
  readonly place = new WriterPlace(new SharedArrayBuffer(WriterPlace.bytes))
  readonly jobs: { readonly lone: boolean; readonly here: boolean }[] = []
  /** Happens while the next job is under way. */
  meanwhile: (() => void) | undefined
  readonly #runner: JobRunner
  readonly #lone: LoneWriter
  readonly #done: JobDone
  readonly #here: () => boolean

  constructor(disk: SimDisk, start: WriterStart, done: JobDone, here: () => boolean) {
    this.place.begin(start.position, start.previousCrc)
    this.#runner = new JobRunner(new SegmentWriter(disk, dir, start, 4096, this.place))
    this.#lone = new LoneWriter(disk, dir, start.header, this.place, this.turn)
    this.#done = done
    this.#here = here
  }

  allocate(bytes: number): Uint8Array {
    return new Uint8Array(bytes)
  }

  submit(job: Job, lone = false): void {
    const { meanwhile } = this
    this.meanwhile = undefined
    meanwhile?.()
    const outcome = lone && this.#here() ? this.#lone.run(job) : undefined
    this.jobs.push({ lone, here: outcome !== undefined })
    if (job.next !== undefined) this.#lone.begin(job.next)
    this.#done(outcome === undefined ? this.#runner.run(job) : outcome.failure)
    while (this.#runner.idle());
  }

  close(): Promise<void> {
    this.#lone.close()
    this.#runner.close(this.turn.take())
    return Promise.resolve()
  }
}

function openWith(disk: SimDisk, here: () => boolean) {
  const { sealed, start, state } = openLog(disk, dir, 1000)
  const made: TwoWriters[] = []
  const engineFor = (done: JobDone): Engine => {
    const engine = new TwoWriters(disk, start, done, here)
    made.push(engine)
    return engine
  }
  const limits = { segmentBytes, maxRecordBytes: 1 << 20, highWaterMark: 1 << 24, arenaBytes: 1 << 16 }
  const ports = { now: () => 1000, later: () => undefined, visible: () => undefined, sealed: () => undefined }
  const queue = new CommitQueue(state, start, sealed, engineFor, { ...limits, ...ports })
  const [engine] = made
  if (engine === undefined) throw new Error('the queue made no engine')
  const append = (text: string, waiter: Waiter | undefined): void =>
    queue.append(state.topic('t'), Encoding.text, text, undefined, true, waiter)
  return { append, engine, queue, state }
}

const quiet: Waiter = { stored: () => undefined, failed: () => undefined }

describe('two writers of one segment', () => {
  test('lose nothing that was acknowledged, whichever did it, in any crash', { timeout: 120_000 }, () => {
    const disk = new SimDisk([dir])
    const { append, engine, queue, state } = openWith(disk, () => draw() < 0.6)
    const notes: { readonly at: number; readonly note: Note }[] = []
    const note = (what: Note): void => void notes.push({ at: disk.log.length, note: what })
    for (let n = 0; n < 60; n++) {
      const together = draw() < 0.7 ? 1 : 3
      for (let each = 0; each < together; each++) {
        const text = `${n}.${each}`.padEnd(10 + Math.floor(draw() * 200), '.')
        const seq = state.nextSeq
        note({ tried: text, seq })
        append(text, { stored: () => note({ kept: seq }), failed: () => undefined })
      }
      queue.commit(true)
    }
    expect(engine.jobs.filter(({ here }) => here).length).toBeGreaterThan(10)
    expect(engine.jobs.filter(({ here, lone }) => lone && !here).length).toBeGreaterThan(5)
    expect(queue.segments.length).toBeGreaterThan(1)
    expect(readAll(disk, dir)).toHaveLength(state.nextSeq)
    const scenario = crashScenario({ segmentBytes, run: () => undefined })
    for (let crash = 0; crash < 150; crash++) {
      const at = Math.floor(draw() * disk.log.length)
      const told = notes.filter((each) => each.at <= at).map((each) => each.note)
      for (const after of disk.crashStates(at, { limit: 4, random: draw, seen: new Set() }))
        scenario.check(after.disk, told, () => undefined)
    }
  })

  test.each(['write', 'sync'] as const)('stop both when a %s of the second fails', async (on) => {
    const disk = new SimDisk([dir])
    const { append, engine, queue } = openWith(disk, () => true)
    append('before', undefined)
    queue.commit(true) // which zeros follow
    let failed = 0
    disk.failAt(1, { on, kind: 'EIO' })
    append('lost', { stored: () => undefined, failed: () => failed++ })
    queue.commit(true)
    expect(engine.jobs.at(-1)).toEqual({ lone: true, here: true })
    expect(failed).toBe(1)
    expect(engine.turn.take()).toBe(false)
    const size = disk.open(`${dir}/00000000000000000000.seg`, 'read').size()
    await engine.close()
    expect(disk.open(`${dir}/00000000000000000000.seg`, 'read').size()).toBe(size)
    expect(readAll(disk, dir).map(({ text }) => text)).toEqual(['before'])
  })

  test('leave the job to the other when it is writing, and where there are no zeros', () => {
    const disk = new SimDisk([dir])
    const { append, engine, queue } = openWith(disk, () => true)
    const commit = (text: string): void => {
      append(text, quiet)
      queue.commit(true)
    }
    commit('no zeros yet')
    commit('over zeros')
    engine.turn.take()
    commit('the other has the turn')
    engine.turn.give()
    engine.place.zeroedTo = engine.place.position
    commit('no zeros left')
    expect(engine.jobs.map(({ here }) => here)).toEqual([false, true, false, false])
    expect(readAll(disk, dir)).toHaveLength(4)
  })
})

describe('a job is lone', () => {
  test('when one publisher waits for it, and none published while the last one was under way', () => {
    const disk = new SimDisk([dir])
    const { append, engine, queue } = openWith(disk, () => false)
    const lone = (...texts: readonly string[]): boolean | undefined => {
      for (const text of texts) append(text, quiet)
      queue.commit(true)
      return engine.jobs.at(-1)?.lone
    }
    expect(lone('alone')).toBe(true)
    expect(lone('two', 'at once')).toBe(false)
    expect(lone('alone again')).toBe(true)
    append('nobody waits', undefined)
    queue.commit(true)
    expect(engine.jobs.at(-1)?.lone).toBe(false)
    // Whoever publishes while a job is under way has not waited for it.
    engine.meanwhile = () => append('meanwhile', quiet)
    expect(lone('the first')).toBe(true)
    expect(lone()).toBe(false)
    expect(lone('the last')).toBe(true)
  })
})

describe('lone jobs', () => {
  test('are done here after eight quick ones in a row', () => {
    const jobs = new LoneJobs()
    for (let n = 0; n < 7; n++) jobs.took(0.1, n)
    expect(jobs.here(7)).toBe(false)
    jobs.broken()
    for (let n = 0; n < 8; n++) jobs.took(0.1, n)
    expect(jobs.here(8)).toBe(true)
    jobs.broken()
    expect(jobs.here(9)).toBe(false)
  })

  test('are left to the commit thread for ten times as long as a slow one took', () => {
    const jobs = new LoneJobs()
    for (let n = 0; n < 8; n++) jobs.took(0.1, n)
    jobs.took(20, 30)
    for (let n = 0; n < 8; n++) jobs.took(0.1, 31 + n)
    expect(jobs.here(229)).toBe(false)
    expect(jobs.here(230)).toBe(true)
  })
})
