import type { StreamState } from '@nats-io/jetstream'
import { OffsetEvictedError } from '../../core/offset-errors.ts'
import type { JetStreamApi } from './api.ts'
import type { StoredMessage } from './stored-message.ts'
import type { Streams } from './streams.ts'

/** A message, and the first number of the gap before it; its own when there is none. */
export interface Doubtful {
  readonly message: StoredMessage
  readonly gapFrom: number
}

/** What comes of it. */
export interface GapListener {
  passed(messages: readonly StoredMessage[]): void
  failed(error: unknown): void
}

/**
 * Holds messages that have come behind a gap in the numbers of their stream, until the server has said what the stream still
 * has: a gap that begins before that was made by retention, and any other by messages of other topics or by deletion.
 */
export class GapCheck {
  readonly #parts: { readonly api: JetStreamApi; readonly streams: Streams; readonly pattern: string }
  readonly #stream: string
  readonly #listener: GapListener
  #doubtful: Doubtful[] = []
  #checking = false
  #closed = false

  constructor(
    parts: { readonly api: JetStreamApi; readonly streams: Streams; readonly pattern: string },
    stream: string,
    listener: GapListener,
  ) {
    this.#parts = parts
    this.#stream = stream
    this.#listener = listener
  }

  get size(): number {
    return this.#doubtful.length
  }

  add(doubtful: Doubtful): void {
    this.#doubtful.push(doubtful)
    if (this.#checking) return
    this.#checking = true
    void this.#check() // cannot reject
  }

  close(): void {
    this.#closed = true
    this.#doubtful = []
  }

  async #check(): Promise<void> {
    const { api, streams } = this.#parts
    try {
      while (this.#doubtful.length > 0) {
        // What arrives while the server answers may have lost its predecessors after it did.
        const asked = this.#doubtful.length
        const { state } = await api.insist(
          () => streams.info(this.#stream),
          () => this.#closed,
        )
        if (!this.#closed) this.#judge(this.#doubtful.slice(0, asked), state)
      }
    } catch (error) {
      this.#listener.failed(error)
    }
    this.#checking = false
  }

  #judge(doubtful: readonly Doubtful[], { first_seq: first, last_seq: next }: StreamState): void {
    const passed: StoredMessage[] = []
    let lost: OffsetEvictedError | undefined
    for (const { gapFrom, message } of doubtful) {
      if (gapFrom < message.seq && first > gapFrom) {
        lost = new OffsetEvictedError(this.#parts.pattern, gapFrom - 1, first - 1, next)
        break
      }
      passed.push(message)
    }
    this.#doubtful.splice(0, doubtful.length)
    this.#listener.passed(passed)
    if (lost !== undefined) throw lost
  }
}
