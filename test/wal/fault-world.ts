import { expect } from 'vitest'
import { CommitQueue } from '../../src/wal/commit/commit-queue.ts'
import type { Engine, Job, JobDone } from '../../src/wal/commit/engine.ts'
import { JobRunner } from '../../src/wal/commit/job-runner.ts'
import { LogFailedError } from '../../src/wal/errors.ts'
import { Encoding } from '../../src/wal/format/layout.ts'
import { writeManifest } from '../../src/wal/recovery/directory.ts'
import { type OpenedLog, openLog } from '../../src/wal/recovery/open-log.ts'
import { segmentName } from '../../src/wal/segment/names.ts'
import { SegmentWriter } from '../../src/wal/segment/segment-writer.ts'
import { DiskError } from '../crash/faults.ts'
import type { SimDisk } from '../crash/sim-disk.ts'
import { dir, type Note, verify } from './crash-scenario.ts'
import { readAll } from './sim-log.ts'

/** Something has gone wrong, as it was meant to; the log has been let go of. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
}

/** Does jobs at once, and what a commit thread does in between. */
class IdlingEngine implements Engine {
  readonly #runner: JobRunner
  readonly #done: JobDone

  constructor(writer: SegmentWriter, done: JobDone) {
    this.#runner = new JobRunner(writer)
    this.#done = done
  }

  allocate(bytes: number): Uint8Array {
    return new Uint8Array(bytes)
  }

  submit(job: Job): void {
    this.#done(this.#runner.run(job))
    while (this.#runner.idle());
  }

  close(): Promise<void> {
    this.#runner.close()
    return Promise.resolve()
  }
}

interface Open {
  readonly opened: OpenedLog
  readonly queue: CommitQueue
  readonly engine: Engine
}

/** A log on a disk that fails. It notes what was promised, and sees that a failure is told as it must be. */
export class FaultWorld {
  readonly disk: SimDisk
  readonly notes: Note[] = []
  readonly #zeroAhead: number
  readonly #waiting = new Set<string>()
  #log: Open | undefined
  #count = 0

  constructor(disk: SimDisk, zeroAhead = 0) {
    this.disk = disk
    this.#zeroAhead = zeroAhead
  }

  open(): void {
    this.#mayFail(() => {
      const opened = openLog(this.disk, dir, 1000)
      const { sealed, start, state } = opened
      const writer = new SegmentWriter(this.disk, dir, start, this.#zeroAhead)
      const engines: Engine[] = []
      const engineFor = (done: JobDone): Engine => {
        const engine = new IdlingEngine(writer, done)
        engines.push(engine)
        return engine
      }
      const queue = new CommitQueue(state, start, sealed, engineFor, {
        segmentBytes: 4096 + 1300,
        maxRecordBytes: 1 << 20,
        highWaterMark: 1 << 24,
        arenaBytes: 1 << 16,
        now: () => 1000,
        later: () => undefined,
        visible: () => undefined,
        sealed: () => undefined,
      })
      const [engine] = engines
      if (engine !== undefined) this.#log = { opened, queue, engine }
    })
  }

  append(topic: string, bytes: number, sync: boolean): void {
    const { opened, queue } = this.#current()
    const text = `${++this.#count}`.padEnd(bytes, '.')
    const { nextSeq } = opened.state
    this.notes.push({ tried: text, seq: nextSeq })
    this.#waiting.add(text)
    const settle = () => {
      if (!this.#waiting.delete(text)) throw new Error(`a waiter of ${text.slice(0, 4)} was called twice`)
    }
    const waiter = {
      stored: () => {
        settle()
        if (sync) this.notes.push({ kept: nextSeq })
      },
      failed: (stored: string, cause: unknown) => {
        settle()
        expect(cause).toBeInstanceOf(DiskError)
        if (stored === 'no') this.notes.push({ refused: text })
      },
    }
    queue.append(opened.state.topic(topic), Encoding.text, text, undefined, sync, waiter)
  }

  commit(): void {
    const { queue } = this.#current()
    queue.commit(true)
    expect([...this.#waiting]).toEqual([])
    this.#check()
  }

  watermark(): void {
    this.#current().queue.writeWatermark()
    this.#check()
  }

  /** As `Log.close`. */
  close(): void {
    const { engine, opened, queue } = this.#current()
    const segment = segmentName(queue.activeBase)
    let told = 0
    const at = queue.writeSnapshot({ stored: () => told++, failed: () => told++ })
    expect(told).toBe(1)
    this.#check()
    this.#mayFail(() => {
      void engine.close()
      writeManifest(this.disk, dir, { ...opened.manifest, closed: { segment, at } })
    })
    this.#log = undefined
  }

  /** As when the process is killed. */
  abandon(): void {
    this.#log = undefined
  }

  /** Whoever reads gets everything, or the error. */
  read(): void {
    this.#mayFail(() => verify(readAll(this.disk, dir), this.notes))
  }

  #current(): Open {
    if (this.#log === undefined) throw new Error('the log is not open')
    return this.#log
  }

  /** After a failure nothing more is taken, and nothing is tried again. */
  #check(): void {
    const { engine, opened, queue } = this.#current()
    if (queue.failed === undefined) return
    expect(queue.failed).toBeInstanceOf(LogFailedError)
    const [syncs, writes] = [this.disk.calls('sync'), this.disk.calls('write')]
    let told = 0
    const waiter = { stored: () => (told += 100), failed: () => told++ }
    const topic = opened.state.topic('late')
    expect(() => queue.append(topic, Encoding.text, 'late', undefined, true, waiter)).toThrow(LogFailedError)
    queue.commit(true)
    expect(told).toBe(0)
    queue.sync(waiter)
    expect(told).toBe(1)
    queue.writeWatermark()
    void engine.close()
    expect(this.disk.calls('sync')).toBe(syncs)
    expect(this.disk.calls('write')).toBe(writes)
    throw new Stopped()
  }

  #mayFail(action: () => void): void {
    try {
      action()
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      throw new Stopped()
    }
  }
}
