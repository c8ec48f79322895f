import type { Job } from './engine.ts'

type Message = Job | 'close'

/** One sync makes no more than about so many bytes wait for each other. */
const mostBytes = 4 * 1024 * 1024

/** What the commit thread is given, by what can be done together: jobs that have come meanwhile share one sync. */
export class JobIntake {
  readonly #receive: () => Message | undefined
  /** Received already, and not handed on. */
  #waiting: Message | undefined

  /** `receive` never waits. */
  constructor(receive: () => Message | undefined) {
    this.#receive = receive
  }

  /** What is there now; a job that begins a segment comes alone. */
  next(): readonly Job[] | 'close' | undefined {
    const first = this.#take()
    if (first === undefined || first === 'close') return first
    const jobs = [first]
    for (let bytes = bytesOf(first); first.next === undefined && bytes < mostBytes;) {
      const next = this.#take()
      if (next === undefined) break
      if (next === 'close' || next.next !== undefined) {
        this.#waiting = next
        break
      }
      jobs.push(next)
      bytes += bytesOf(next)
    }
    return jobs
  }

  #take(): Message | undefined {
    const waiting = this.#waiting
    if (waiting === undefined) return this.#receive()
    this.#waiting = undefined
    return waiting
  }
}

function bytesOf({ parts }: Job): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}
