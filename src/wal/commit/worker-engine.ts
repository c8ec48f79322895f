import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { nodeFileSystem } from '../fs/node-fs.ts'
import type { WriterStart } from '../segment/segment-writer.ts'
import { WriterPlace } from '../segment/writer-place.ts'
import type { Engine, Job, JobDone, JobFailure } from './engine.ts'
import { LoneJobs } from './lone-jobs.ts'
import { LoneWriter } from './lone-writer.ts'
import { Turn } from './turn.ts'

/** What the commit thread is started with. */
export interface CommitThreadData {
  readonly dir: string
  readonly start: WriterStart
  readonly zeroAhead: number
  readonly port: MessagePort
  /** One number, which rises with every job: the thread sleeps on it. */
  readonly bell: Int32Array
  /** The memory of a `WriterPlace` and of a `Turn`. */
  readonly place: SharedArrayBuffer
  readonly turn: SharedArrayBuffer
}

/** What the thread throws away is small and never lives long. */
const limits = { maxYoungGenerationSizeMb: 2 }

/** The thread's answer to so many jobs, which took so long together, and to the end. */
export type Answer =
  | { readonly kind: 'closed' }
  | ({ readonly count: number; readonly ms: number } & ({ readonly kind: 'done' } | FailedAnswer))

export interface FailedAnswer {
  readonly kind: 'failed'
  readonly stored: JobFailure['stored']
  readonly message: string
  readonly code: string
}

/**
 * Does jobs in a thread of its own, so that syncing blocks nobody and a busy thread pool delays nothing; but for lone
 * jobs on a fast disk, as `LoneJobs` decides. The process stays alive while jobs are under way.
 */
export class WorkerEngine implements Engine {
  readonly #worker: Worker
  readonly #port: MessagePort
  readonly #bell: Int32Array
  readonly #done: JobDone
  readonly #loneJobs = new LoneJobs()
  readonly #loneWriter: LoneWriter
  #underWay = 0
  /** The job under way is a lone one. */
  #lone = false
  #ended: (() => void) | undefined
  #lost: JobFailure | undefined
  /** What became of the jobs after one that failed in this thread. */
  #failed: JobFailure | undefined

  /** Starts the thread, and does not wait for it: jobs given meanwhile are done when it is there. */
  constructor(dir: string, start: WriterStart, zeroAhead: number, done: JobDone) {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#bell = new Int32Array(new SharedArrayBuffer(4))
    this.#done = done
    const memory = new SharedArrayBuffer(WriterPlace.bytes)
    const turn = new SharedArrayBuffer(4)
    const place = new WriterPlace(memory)
    place.begin(start.position, start.previousCrc)
    this.#loneWriter = new LoneWriter(nodeFileSystem, dir, start.header, place, new Turn(turn))
    const workerData: CommitThreadData = {
      ...{ dir, start, zeroAhead, port: port2 },
      ...{ bell: this.#bell, place: memory, turn },
    }
    const script = new URL('./commit-thread.js', import.meta.url)
    const options = { name: 'spillway-commit', transferList: [port2], resourceLimits: limits }
    this.#worker = new Worker(script, { ...options, workerData })
    port1.on('message', (answer: Answer) => this.#answered(answer))
    this.#worker.on('error', (error) => this.#gone(error))
    this.#worker.on('exit', () => this.#gone(new Error('the commit thread has ended')))
    port1.unref()
    this.#worker.unref()
  }

  allocate(bytes: number): Uint8Array {
    return new Uint8Array(new SharedArrayBuffer(bytes))
  }

  get atOnce(): boolean {
    return this.#loneJobs.here(performance.now())
  }

  submit(job: Job, lone = false): void {
    const failed = this.#lost ?? this.#failed
    if (failed !== undefined) return queueMicrotask(() => this.#done(failed))
    if (!lone) this.#loneJobs.broken()
    else if (this.#underWay === 0 && this.atOnce && this.#submitHere(job)) return
    if (job.next !== undefined) this.#loneWriter.begin(job.next)
    if (this.#underWay++ === 0) this.#port.ref()
    this.#lone = lone
    this.#send(job)
  }

  close(): Promise<void> {
    this.#loneWriter.close()
    if (this.#lost !== undefined) return Promise.resolve()
    this.#port.ref()
    return new Promise((resolve) => {
      this.#ended = resolve
      this.#send('close')
    })
  }

  /** Does a job in this thread, if that is possible now. */
  #submitHere(job: Job): boolean {
    const outcome = this.#loneWriter.run(job)
    if (outcome === undefined) return false
    const { failure, ms } = outcome
    if (failure === undefined) this.#loneJobs.took(ms, performance.now())
    else this.#failed = { error: failure.error, stored: 'no' } // what comes later is not even begun
    this.#done(failure)
    return true
  }

  #send(message: Job | 'close'): void {
    this.#port.postMessage(message, [])
    Atomics.add(this.#bell, 0, 1)
    Atomics.notify(this.#bell, 0)
  }

  #answered(answer: Answer): void {
    if (answer.kind === 'closed') {
      this.#port.close()
      void this.#worker.terminate()
      return this.#ended?.()
    }
    const { count, kind, ms } = answer
    if (kind === 'done' && this.#lone) this.#loneJobs.took(ms, performance.now())
    this.#underWay -= count
    if (this.#underWay === 0 && this.#ended === undefined) this.#port.unref()
    const failure = kind === 'done' ? undefined : failureOf(answer)
    for (let job = 0; job < count; job++) this.#done(failure)
  }

  /** The thread is gone: nothing can be known of the jobs under way. */
  #gone(error: unknown): void {
    if (this.#lost !== undefined || this.#ended !== undefined) return
    this.#lost = { error, stored: 'no' }
    this.#port.close()
    for (; this.#underWay > 0; this.#underWay--) this.#done({ error, stored: 'unknown' })
  }
}

function failureOf({ code, message, stored }: FailedAnswer): JobFailure {
  return { error: Object.assign(new Error(message), { code }), stored }
}
