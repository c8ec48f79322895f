import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { WriterStart } from '../segment/segment-writer.ts'
import type { Engine, Job, JobDone, JobFailure } from './engine.ts'

/** What the commit thread is started with. */
export interface CommitThreadData {
  readonly dir: string
  readonly start: WriterStart
  readonly zeroAhead: number
  readonly port: MessagePort
  /** One number, which rises with every job: the thread sleeps on it. */
  readonly bell: Int32Array
}

/** The thread's answer to each job, and to the end. */
export type Answer =
  | { readonly kind: 'done' | 'closed' }
  | {
      readonly kind: 'failed'
      readonly stored: JobFailure['stored']
      readonly message: string
      readonly code: string
    }

/**
 * Does jobs in a thread of its own, so that syncing blocks nobody and a busy thread pool delays nothing. The process
 * stays alive while jobs are under way.
 */
export class WorkerEngine implements Engine {
  readonly #worker: Worker
  readonly #port: MessagePort
  readonly #bell: Int32Array
  readonly #done: JobDone
  #underWay = 0
  #ended: (() => void) | undefined
  #lost: JobFailure | undefined

  /** Starts the thread, and does not wait for it: jobs given meanwhile are done when it is there. */
  constructor(dir: string, start: WriterStart, zeroAhead: number, done: JobDone) {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#bell = new Int32Array(new SharedArrayBuffer(4))
    this.#done = done
    const workerData: CommitThreadData = { dir, start, zeroAhead, port: port2, bell: this.#bell }
    const script = new URL('./commit-thread.js', import.meta.url)
    this.#worker = new Worker(script, { workerData, transferList: [port2], name: 'spillway-commit' })
    port1.on('message', (answer: Answer) => this.#answered(answer))
    this.#worker.on('error', (error) => this.#gone(error))
    this.#worker.on('exit', () => this.#gone(new Error('the commit thread has ended')))
    port1.unref()
    this.#worker.unref()
  }

  allocate(bytes: number): Uint8Array {
    return new Uint8Array(new SharedArrayBuffer(bytes))
  }

  submit(job: Job): void {
    if (this.#lost !== undefined) {
      const lost = this.#lost
      queueMicrotask(() => this.#done(lost))
      return
    }
    if (this.#underWay++ === 0) this.#port.ref()
    this.#send(job)
  }

  close(): Promise<void> {
    if (this.#lost !== undefined) return Promise.resolve()
    this.#port.ref()
    return new Promise((resolve) => {
      this.#ended = resolve
      this.#send('close')
    })
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
    if (--this.#underWay === 0 && this.#ended === undefined) this.#port.unref()
    this.#done(answer.kind === 'done' ? undefined : failureOf(answer))
  }

  /** The thread is gone: nothing can be known of the jobs under way. */
  #gone(error: unknown): void {
    if (this.#lost !== undefined || this.#ended !== undefined) return
    this.#lost = { error, stored: 'no' }
    this.#port.close()
    for (; this.#underWay > 0; this.#underWay--) this.#done({ error, stored: 'unknown' })
  }
}

function failureOf(answer: Answer): JobFailure {
  if (answer.kind !== 'failed')
    return { error: new Error(`the commit thread answered ${answer.kind}`), stored: 'unknown' }
  return { error: Object.assign(new Error(answer.message), { code: answer.code }), stored: answer.stored }
}
