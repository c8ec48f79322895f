import { deserialize, serialize } from 'node:v8'
import type { DroppedCopy } from '../../core/spill.ts'
import { matches } from '../../core/topic.ts'
import { LogBroker } from '../broker/log-broker.ts'
import type { PayloadCodec } from '../../core/codec.ts'
import type { StoredMessage } from '../contract.ts'
import { logSettings } from '../store/open-options.ts'
import type { FileSystem } from '../fs/file-system.ts'
import type { DroppedFilter, KeptCopy, ReplayReport, ReplayTarget } from './contract.ts'
import { plain } from './spill-codec.ts'

/** Topics of the log of kept copies: the copies, and the numbers of those that were published again. */
const keptTopic = 'kept'
const replayedTopic = 'replayed'

/** What a structured clone keeps, so that a copy comes back with its dates and maps. */
const codec: PayloadCodec = { encode: serialize, decode: deserialize }

/**
 * The dropped copies of an area, as a log of its own. Writing one costs a system call in the turn that drops it; the
 * system decides when it is on the disk, so the end of the process loses none, and a loss of power some.
 */
export class DroppedLog {
  readonly #broker: LogBroker
  readonly #replayed = new Set<number>()
  #read: Promise<void> | undefined

  constructor(fs: FileSystem, dir: string, keepBytes: number) {
    const options = { codec, sync: 'os', engine: 'inline', fileSystem: fs } as const
    // The oldest segment goes when the others hold enough.
    const segmentBytes = Math.max(4096, Math.min(64 * 1024 * 1024, Math.ceil(keepBytes / 8)))
    const settings = logSettings({ ...options, segmentBytes, retention: { bytes: keepBytes } })
    fs.mkdir(dir)
    this.#broker = LogBroker.open(dir, settings, options, () => Promise.resolve())
  }

  keep({ message, reason, subscription }: DroppedCopy): void {
    const copy = { message: plain(message), reason, subscription, droppedAt: Date.now() }
    this.#broker.topic(keptTopic).append(copy)
  }

  async *list(filter: DroppedFilter = {}): AsyncGenerator<KeptCopy, void> {
    await this.#broker.flush()
    await this.#readReplayed()
    for await (const stored of this.#all(keptTopic)) {
      const copy = stored.payload as Omit<KeptCopy, 'number' | 'replayed'>
      const kept = { ...copy, number: stored.offset, replayed: this.#replayed.has(stored.offset) }
      if (isMeant(kept, filter)) yield kept
    }
  }

  async replay(target: ReplayTarget, filter: DroppedFilter | undefined): Promise<ReplayReport> {
    let published = 0
    try {
      for await (const { message, number } of this.list(filter)) {
        const { headers, id, payload, topic } = message
        await target.publish(topic, payload, { headers, id })
        this.#replayed.add(number)
        await this.#broker.publish(replayedTopic, number)
        published++
      }
      return { published, error: undefined }
    } catch (error) {
      return { published, error }
    }
  }

  close(): Promise<void> {
    return this.#broker.close()
  }

  #readReplayed(): Promise<void> {
    this.#read ??= this.#readNumbers()
    return this.#read
  }

  async #readNumbers(): Promise<void> {
    for await (const { payload } of this.#all(replayedTopic)) this.#replayed.add(payload as number)
  }

  /** Everything a topic holds now. */
  async *#all(topic: string): AsyncGenerator<StoredMessage, void> {
    const status = this.#broker.topics().find((candidate) => candidate.topic === topic)
    if (status === undefined || status.first === status.next) return
    const subscription = this.#broker.subscribe(topic, { from: 'start' })
    for await (const message of subscription as AsyncIterable<StoredMessage>) {
      yield message
      if (message.offset >= status.next - 1) return
    }
  }
}

function isMeant(kept: KeptCopy, { pattern, reason, replayed, subscription }: DroppedFilter): boolean {
  const { group, id } = kept.subscription
  return (
    (replayed === true || !kept.replayed) &&
    (reason === undefined || kept.reason === reason) &&
    (subscription === undefined || subscription === id || subscription === group) &&
    (pattern === undefined || matches(pattern, kept.message.topic))
  )
}
