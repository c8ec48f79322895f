import { receiveMessageOnPort, workerData } from 'node:worker_threads'
import { nodeFileSystem } from '../fs/node-fs.ts'
import { codeOf } from '../segment/files.ts'
import { SegmentWriter } from '../segment/segment-writer.ts'
import type { Job, JobFailure } from './engine.ts'
import { JobRunner } from './job-runner.ts'
import type { Answer, CommitThreadData } from './worker-engine.ts'

/** The thread of a `WorkerEngine`: sleeps until the bell has rung, then does every job there is. */
const { bell, dir, port, start, zeroAhead } = workerData as CommitThreadData

function failed({ error, stored }: JobFailure): Answer {
  const message = error instanceof Error ? error.message : String(error)
  return { kind: 'failed', stored, message, code: codeOf(error) ?? 'EIO' }
}

function answer(what: Answer): void {
  port.postMessage(what)
}

function run(runner: JobRunner): void {
  for (;;) {
    const rung = Atomics.load(bell, 0)
    const received: { message: Job | 'close' } | undefined = receiveMessageOnPort(port)
    if (received === undefined) {
      if (!runner.idle()) Atomics.wait(bell, 0, rung)
    } else if (received.message === 'close') {
      runner.close()
      return answer({ kind: 'closed' })
    } else {
      const failure = runner.run(received.message)
      answer(failure === undefined ? { kind: 'done' } : failed(failure))
    }
  }
}

// What goes wrong here ends the thread, which the engine takes for the failure of all jobs.
run(new JobRunner(new SegmentWriter(nodeFileSystem, dir, start, zeroAhead)))
