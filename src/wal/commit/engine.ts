import type { SegmentHeader } from '../format/segment-header.ts'

/** One thing for the writer to do. Jobs are done one after the other, in the order they were given. */
export interface Job {
  /** Stretches of memory with batches, one behind the other, to be completed and written; may be none. */
  readonly parts: readonly Uint8Array[]
  /** Everything written so far shall be durable when the job is done. */
  readonly sync: boolean
  /** The bytes end with a seal: begin this segment. */
  readonly next?: SegmentHeader
}

/** What became of a job: `undefined` when it was done. */
export interface JobFailure {
  readonly error: unknown
  /** Whether the job's bytes may be on the disk all the same. */
  readonly stored: 'no' | 'unknown'
}

/** Does jobs, in this thread or in another. After one has failed, all later ones fail. */
export interface Engine {
  /** Memory that the engine can write from without copying it. */
  allocate(bytes: number): Uint8Array
  /**
   * `done` of the constructor's caller hears of each job once, in order, and perhaps before this returns. `lone`: one
   * publisher waits for it, nobody published while the job before was under way, and that one is done.
   */
  submit(job: Job, lone?: boolean): void
  /** A lone job would be done at once: better to see first whether other publishers come. */
  readonly atOnce?: boolean
  /** Cuts off what was written ahead, and lets go of the file. Resolves when that is done. */
  close(): Promise<void>
}

/** Hears of jobs, in their order. */
export type JobDone = (failure: JobFailure | undefined) => void
