import type { SegmentHeader } from '../format/segment-header.ts'
import type { FileSystem } from '../fs/file-system.ts'
import { SegmentWriter } from '../segment/segment-writer.ts'
import type { WriterPlace } from '../segment/writer-place.ts'
import type { Job, JobFailure } from './engine.ts'
import { JobRunner } from './job-runner.ts'
import type { Turn } from './turn.ts'

/** What became of a job: its failure, if it failed, and how long it took. */
export interface LoneOutcome {
  readonly failure: JobFailure | undefined
  readonly ms: number
}

/**
 * Does jobs in the publishers' thread, between those of the commit thread and where that has stopped: both know by
 * `place` where that is, and by `turn` that the other is not writing. It opens the segment when it first needs it.
 */
export class LoneWriter {
  readonly #fs: FileSystem
  readonly #dir: string
  readonly #place: WriterPlace
  readonly #turn: Turn
  #header: SegmentHeader
  #open: { readonly writer: SegmentWriter; readonly runner: JobRunner } | undefined

  constructor(fs: FileSystem, dir: string, header: SegmentHeader, place: WriterPlace, turn: Turn) {
    this.#fs = fs
    this.#dir = dir
    this.#header = header
    this.#place = place
    this.#turn = turn
  }

  /**
   * Does the job if it finds zeros to overwrite and the commit thread is not just writing some; else it returns
   * undefined and has done nothing. The commit thread must have done all jobs it was given.
   */
  run(job: Job): LoneOutcome | undefined {
    if (!this.#turn.take()) return undefined
    const runner = this.#hasRoom(job) ? this.#runner() : undefined
    if (runner === undefined) {
      this.#turn.give()
      return undefined
    }
    const before = performance.now()
    const failure = runner.run(job)
    if (failure === undefined) this.#turn.give()
    return { failure, ms: performance.now() - before }
  }

  /** The commit thread has been told to begin this segment. */
  begin(header: SegmentHeader): void {
    this.close()
    this.#header = header
  }

  close(): void {
    this.#open?.writer.close()
    this.#open = undefined
  }

  #hasRoom({ parts }: Job): boolean {
    let bytes = 0
    for (const part of parts) bytes += part.length
    return this.#place.position + bytes <= this.#place.zeroedTo
  }

  /** Undefined when the segment cannot be opened: the commit thread has it open. */
  #runner(): JobRunner | undefined {
    if (this.#open !== undefined) return this.#open.runner
    const { position, previousCrc } = this.#place
    const start = { header: this.#header, position, previousCrc }
    try {
      const writer = new SegmentWriter(this.#fs, this.#dir, start, 0, this.#place)
      this.#open = { writer, runner: new JobRunner(writer) }
    } catch {
      return undefined
    }
    return this.#open.runner
  }
}
