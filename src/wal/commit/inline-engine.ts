import type { SegmentWriter } from '../segment/segment-writer.ts'
import type { Engine, Job, JobDone } from './engine.ts'
import { JobRunner } from './job-runner.ts'

/** Does every job at once, in the caller's thread, which waits for the disk. For tools and tests. */
export class InlineEngine implements Engine {
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
  }

  close(): Promise<void> {
    this.#runner.close()
    return Promise.resolve()
  }
}
