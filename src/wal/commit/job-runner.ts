import type { SegmentWriter } from '../segment/segment-writer.ts'
import type { Job, JobFailure } from './engine.ts'

/** Does jobs with a writer; the same code in every engine. The first failure is the answer to all jobs after it. */
export class JobRunner {
  readonly #writer: SegmentWriter
  #failed: JobFailure | undefined

  constructor(writer: SegmentWriter) {
    this.#writer = writer
  }

  run(job: Job): JobFailure | undefined {
    return this.runTogether([job])
  }

  /** Does jobs, of which only a single one may begin a segment, with one sync for all: all are done, or all fail. */
  runTogether(jobs: readonly Job[]): JobFailure | undefined {
    if (this.#failed !== undefined) return this.#failed
    const writer = this.#writer
    const start = writer.position
    let written = false
    try {
      for (const { parts } of jobs) for (const part of parts) writer.write(part, start)
      written = true
      const next = jobs.at(-1)?.next
      if (next !== undefined) writer.rotate(next)
      else if (jobs.some(({ sync }) => sync)) writer.sync(start)
      return undefined
    } catch (error) {
      // What comes later was not even begun.
      this.#failed = { error, stored: 'no' }
      return { error, stored: !written && writer.undone ? 'no' : 'unknown' }
    }
  }

  /** Uses spare time; returns whether there may be more to do. What goes wrong here shows in the next job. */
  idle(): boolean {
    if (this.#failed !== undefined) return false
    try {
      return this.#writer.prepare()
    } catch {
      return false
    }
  }

  /** With `trim`, and if nothing has failed, the zeros written ahead are cut off. */
  close(trim = true): void {
    if (trim && this.#failed === undefined) this.#writer.trim()
    this.#writer.close()
  }
}
