import { receiveMessageOnPort, workerData } from 'node:worker_threads'
import { nodeFileSystem } from '../fs/node-fs.ts'
import { codeOf } from '../segment/files.ts'
import { SegmentWriter } from '../segment/segment-writer.ts'
import { WriterPlace } from '../segment/writer-place.ts'
import type { Job, JobFailure } from './engine.ts'
import { JobIntake } from './job-intake.ts'
import { JobRunner } from './job-runner.ts'
import { Turn } from './turn.ts'
import type { Answer, CommitThreadData, FailedAnswer } from './worker-engine.ts'

/** The thread of a `WorkerEngine`: sleeps until the bell has rung, then does every job there is. */
const { bell, dir, place, port, start, turn: word, zeroAhead } = workerData as CommitThreadData
const turn = new Turn(word)

function run(runner: JobRunner): void {
  const intake = new JobIntake(receive)
  for (;;) {
    const rung = Atomics.load(bell, 0)
    const jobs = intake.next()
    if (jobs === undefined) {
      if (!idle(runner)) Atomics.wait(bell, 0, rung)
    } else if (jobs === 'close') {
      runner.close(turn.take())
      return answer({ kind: 'closed' })
    } else {
      // No turn needs to be taken: until it has the answer, the other thread writes nothing.
      const before = performance.now()
      const failure = runner.runTogether(jobs)
      const what = { count: jobs.length, ms: performance.now() - before }
      answer(failure === undefined ? { kind: 'done', ...what } : { ...failed(failure), ...what })
    }
  }
}

function receive(): Job | 'close' | undefined {
  const received: { message: Job | 'close' } | undefined = receiveMessageOnPort(port)
  return received?.message
}

function failed({ error, stored }: JobFailure): FailedAnswer {
  const message = error instanceof Error ? error.message : String(error)
  return { kind: 'failed', stored, message, code: codeOf(error) ?? 'EIO' }
}

function answer(what: Answer): void {
  port.postMessage(what)
}

/** Zeros ahead of the records, unless the publishers' thread is just overwriting some. */
function idle(runner: JobRunner): boolean {
  if (!turn.take()) return false
  const more = runner.idle()
  turn.give()
  return more
}

// What goes wrong here ends the thread, which the engine takes for the failure of all jobs.
run(new JobRunner(new SegmentWriter(nodeFileSystem, dir, start, zeroAhead, new WriterPlace(place))))
