import { Bell } from '../../core/bell.ts'
import type { SpillwayError } from '../../core/errors.ts'
import type { Position } from '../../core/position.ts'
import type { RecordSource } from '../../log/record-source.ts'
import type { LinkListener } from './link.ts'
import { ReaderFeed, type ReaderParts } from './reader-feed.ts'
import type { StoredMessage } from './stored-message.ts'
import type { Feed } from './streams.ts'

/** What one reader reads: messages of one stream in its order, those of several as they come. */
export class ReaderSource implements RecordSource, LinkListener {
  readonly #parts: ReaderParts
  readonly #feeds: readonly ReaderFeed[]
  readonly #bell = new Bell()
  #turn = 0
  #closed = false
  #stopped = false
  /** Called when everything wanted has been taken, or nothing more can be. */
  ended: (() => void) | undefined

  constructor(parts: Omit<ReaderParts, 'changed'>, feeds: readonly Feed[]) {
    this.#parts = { ...parts, changed: () => this.#changed() }
    this.#feeds = feeds.map((feed) => new ReaderFeed(this.#parts, feed))
    parts.api.link.add(this)
  }

  /** Resolves when nothing that is published from then on can be missed. Never rejects. */
  async open(position: Position): Promise<void> {
    await Promise.all(this.#feeds.map((feed) => feed.open(position)))
  }

  get pending(): number {
    return this.#feeds.reduce((sum, feed) => sum + feed.pending, 0)
  }

  get exhausted(): boolean {
    return this.#stopped && this.#feeds.every((feed) => feed.exhausted)
  }

  /** What has arrived is read first. */
  get failure(): SpillwayError | undefined {
    const failed = this.#feeds.find((feed) => feed.failure !== undefined)
    return failed?.empty === true ? failed.failure : undefined
  }

  take(): StoredMessage | undefined {
    const { length } = this.#feeds
    for (let tried = 0; tried < length; tried++) {
      const message = this.#feeds[(this.#turn + tried) % length]?.take()
      if (message === undefined) continue
      this.#turn = (this.#turn + tried + 1) % length
      return message
    }
    return undefined
  }

  takeBatch(max: number): readonly StoredMessage[] {
    const batch: StoredMessage[] = []
    for (let next = this.take(); next !== undefined; next = this.take()) {
      batch.push(next)
      if (batch.length === max) break
    }
    return batch
  }

  wait(): Promise<void> {
    const waited = this.#bell.wait()
    const atHand = this.#feeds.some((feed) => !feed.empty)
    if (atHand || this.#closed || this.failure !== undefined || this.exhausted) this.#bell.ringAll()
    return waited
  }

  wake(): void {
    this.#bell.ringAll()
  }

  up(): void {
    for (const feed of this.#feeds) feed.up()
  }

  closed(): void {
    for (const feed of this.#feeds) feed.fail(new Error('the connection has ended'))
  }

  stop(): void {
    this.#stopped = true
    for (const feed of this.#feeds) feed.stop()
  }

  close(): void {
    this.#closed = true
    this.#parts.api.link.remove(this)
    for (const feed of this.#feeds) feed.close()
  }

  #changed(): void {
    if (this.#closed) return
    this.#bell.ringAll()
    if (this.exhausted) this.ended?.()
  }
}
