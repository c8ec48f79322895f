import type { Msg } from '@nats-io/nats-core'
import type { ConsumerInfo } from '@nats-io/jetstream'
import { SpillwayError } from '../../core/errors.ts'
import type { Position } from '../../core/position.ts'
import type { Wire } from '../../remote/wire.ts'
import { ackInfo } from './ack-info.ts'
import type { JetStreamApi } from './api.ts'
import { ConsumerLostError } from './errors.ts'
import { GapCheck } from './gap-check.ts'
import { Puller } from './puller.ts'
import { findStart, firstOf, inactiveNanos, placeError, type Start, startAt } from './start.ts'
import { StoredMessage } from './stored-message.ts'
import type { Feed, Streams } from './streams.ts'

/** What a reader's feeds share. */
export interface ReaderParts {
  readonly api: JetStreamApi
  readonly streams: Streams
  readonly wire: Wire
  readonly pattern: string
  /** How many messages may wait in a feed. */
  readonly capacity: number
  /** It is worth looking again. */
  readonly changed: () => void
  /** The server had removed a consumer. */
  readonly recreated: (stream: string, pattern: string) => void
}

/** How much is read ahead, about: large messages come in smaller numbers. */
const readAheadBytes = 16 * 2 ** 20

/**
 * One consumer of a reader. It acks nothing: it knows the next number it wants, and makes a new consumer there when the
 * connection has been away, the consumer is gone, or a delivery is missing.
 *
 * The server says nothing when it skips what retention has removed. So each gap between two messages is held against the
 * first number that the stream still has; only then is what lies behind the gap handed on.
 */
export class ReaderFeed {
  failure: SpillwayError | undefined
  readonly #parts: ReaderParts
  readonly #feed: Feed
  readonly #ready: StoredMessage[] = []
  #head = 0
  /** What has arrived behind a gap. */
  readonly #gaps: GapCheck
  /** The next number in the stream that is wanted; undefined until the first consumer is made. */
  #next: number | undefined
  #deliveries = 0
  /** Messages that the consumer has not sent yet, as it said last. */
  #behind = 0
  /** Of a message, lately. */
  #meanBytes = 0
  /** The last message was the newest, and more has been asked for ever since: nothing can have been missed. */
  #current = false
  #consumer: string | undefined
  #puller: Puller | undefined
  #opening = false
  #again = false
  /** Once reading is to end: the last number in the stream, and the last delivery of this consumer, that are wanted. */
  #end: { readonly seq: number; readonly deliveries: number } | undefined
  #endSeq: number | undefined
  #stopping = false
  #closed = false

  constructor(parts: ReaderParts, feed: Feed) {
    this.#parts = parts
    this.#feed = feed
    this.#gaps = new GapCheck(parts, feed.stream, {
      passed: (messages) => {
        this.#ready.push(...messages)
        this.#refill()
        parts.changed()
      },
      failed: (error) => this.fail(error),
    })
  }

  /** Nothing is at hand. */
  get empty(): boolean {
    return this.#head === this.#ready.length
  }

  get pending(): number {
    return this.#ready.length - this.#head + this.#gaps.size + this.#behind
  }

  /** Everything up to where it was stopped has been taken. */
  get exhausted(): boolean {
    const end = this.#end
    if (end === undefined) return false
    const next = this.#ready[this.#head]
    if (next !== undefined) return next.seq > end.seq
    return this.#gaps.size === 0 && this.#deliveries >= end.deliveries
  }

  take(): StoredMessage | undefined {
    const message = this.#ready[this.#head]
    if (message === undefined || message.seq > (this.#end?.seq ?? Number.POSITIVE_INFINITY)) return undefined
    this.#head++
    if (this.#head === this.#ready.length || this.#head > 1024) {
      this.#ready.splice(0, this.#head)
      this.#head = 0
    }
    this.#refill()
    return message
  }

  /** Resolves when the server knows where this reader begins, or that cannot be: what is published then is not missed. */
  async open(position: Position): Promise<void> {
    const { api, streams } = this.#parts
    const isOffset = typeof position === 'number' && (position > 0 || Object.is(position, 0))
    await this.#open(() => findStart(api, streams, this.#feed, position), isOffset ? position + 1 : undefined)
  }

  /** The connection is back. */
  up(): void {
    void this.#reopen() // cannot reject
  }

  /** Nothing beyond the present end is wanted. */
  stop(): void {
    if (this.#stopping) return
    this.#stopping = true
    if (this.#consumer !== undefined) void this.#findEnd(this.#consumer) // cannot reject
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#ready.length = 0
    this.#head = 0
    this.#gaps.close()
    this.#behind = 0
    this.#drop()
  }

  async #reopen(): Promise<void> {
    const next = this.#next
    if (next === undefined || this.failure !== undefined) return
    this.#drop()
    await this.#open(() => Promise.resolve(startAt(next)), next)
  }

  /** Makes a consumer; what goes wrong for good is the failure. */
  async #open(find: () => Promise<Start>, wanted: number | undefined): Promise<void> {
    if (this.#opening) {
      this.#again = true
      return
    }
    this.#opening = true
    const { api } = this.#parts
    const name = `reader_${globalThis.crypto.randomUUID()}`
    try {
      const info = await api.insist(
        async () => this.#make(name, await find()),
        () => this.#closed,
      )
      this.#opening = false
      await this.#began(name, info, wanted)
    } catch (error) {
      this.#opening = false
      this.fail(error)
    }
    if (!this.#again) return
    this.#again = false
    await this.#reopen()
  }

  #make(name: string, start: Start): Promise<ConsumerInfo> {
    const { filter, stream } = this.#feed
    return this.#parts.api.makeConsumer(stream, {
      name,
      ...start,
      ack_policy: 'none',
      mem_storage: true,
      inactive_threshold: inactiveNanos,
      ...(filter === undefined ? {} : { filter_subject: filter }),
    })
  }

  async #began(name: string, info: ConsumerInfo, wanted: number | undefined): Promise<void> {
    if (this.#closed) return this.#remove(name)
    const began = firstOf(info)
    const { api, pattern, streams } = this.#parts
    if (wanted !== undefined && began !== wanted) {
      this.#remove(name)
      const { state } = await streams.info(this.#feed.stream)
      throw placeError(pattern, wanted, began, state)
    }
    this.#next = began
    this.#deliveries = 0
    this.#behind = info.num_pending
    this.#current = info.num_pending === 0
    this.#consumer = name
    const puller = new Puller(api, this.#feed.stream, name, {
      arrived: (msg) => puller === this.#puller && this.#arrived(msg),
      unanswered: () => void this.#idle(name), // cannot reject
      silent: (gone) => void this.#silent(name, gone), // cannot reject
    })
    this.#puller = puller
    if (this.#stopping) await this.#findEnd(name)
    this.#refill()
    this.#parts.changed()
  }

  #arrived(msg: Msg): void {
    if (this.#closed || this.failure !== undefined) return
    const info = ackInfo(msg.reply ?? '')
    if (info.deliverySeq !== this.#deliveries + 1) return void this.#reopen() // one was lost on the way
    this.#deliveries = info.deliverySeq
    this.#behind = info.pending
    this.#meanBytes += (msg.data.length - this.#meanBytes) / 16
    const message = new StoredMessage(msg, info, this.#parts.wire)
    const gapFrom = this.#next ?? info.seq
    this.#next = info.seq + 1
    // With a filter, numbers between belong to other topics; a reader that had everything cannot have missed one.
    const isWhole = gapFrom === info.seq || (this.#current && this.#feed.filter !== undefined)
    if (isWhole && this.#gaps.size === 0) this.#ready.push(message)
    else this.#gaps.add({ message, gapFrom: isWhole ? info.seq : gapFrom })
    this.#refill()
    this.#current = info.pending === 0 && (this.#puller?.asked ?? 0) > 0
    this.#parts.changed()
  }

  /**
   * Nothing has come for half a minute. A reader of some of the stream's topics notes how far the others have gone
   * meanwhile: retention may remove those before it has to begin again.
   */
  async #idle(consumer: string): Promise<void> {
    this.#refill()
    if (this.#feed.filter === undefined || this.#behind > 0 || consumer !== this.#consumer) return
    const { api, streams } = this.#parts
    try {
      const { state } = await streams.info(this.#feed.stream)
      const info = await api.consumer(this.#feed.stream, consumer)
      if (info === undefined || consumer !== this.#consumer || info.num_pending > 0) return
      if (info.delivered.consumer_seq !== this.#deliveries) return
      this.#next = Math.max(this.#next ?? 0, state.last_seq + 1)
    } catch (error) {
      api.link.note(error)
    }
  }

  /** What is in the stream now is read; what comes meanwhile is not. */
  async #findEnd(consumer: string): Promise<void> {
    const { api, streams } = this.#parts
    const over = (): boolean => consumer !== this.#consumer
    try {
      this.#endSeq ??= (await api.insist(() => streams.info(this.#feed.stream), over)).state.last_seq
      const info = await api.insist(() => api.consumer(this.#feed.stream, consumer), over)
      if (info === undefined || over()) return // another consumer looks for its own end
      this.#end = { seq: this.#endSeq, deliveries: info.delivered.consumer_seq + info.num_pending }
      this.#parts.changed()
    } catch (error) {
      if (!over()) this.fail(error)
    }
  }

  #refill(): void {
    const puller = this.#puller
    if (puller === undefined || this.#closed || this.failure !== undefined) return
    const affordable = Math.ceil(readAheadBytes / Math.max(1, this.#meanBytes))
    const capacity = Math.min(this.#parts.capacity, affordable)
    const held = this.#ready.length - this.#head + this.#gaps.size + puller.asked
    if (held > capacity >> 1) return
    puller.ask(capacity - held)
  }

  /** Nothing is heard of the consumer: it may be gone, or the server just slow. */
  async #silent(consumer: string, gone: boolean): Promise<void> {
    const { api, pattern } = this.#parts
    try {
      const info = gone
        ? undefined
        : await api.insist(
            () => api.consumer(this.#feed.stream, consumer),
            () => consumer !== this.#consumer,
          )
      if (consumer !== this.#consumer) return
      if (info !== undefined) {
        this.#puller?.reset()
        return this.#refill()
      }
    } catch (error) {
      if (consumer === this.#consumer) this.fail(error)
      return
    }
    this.#parts.recreated(this.#feed.stream, pattern)
    await this.#reopen()
  }

  #drop(): void {
    if (this.#puller !== undefined) this.#parts.api.link.wind(this.#puller.close())
    this.#puller = undefined
    if (this.#consumer !== undefined) this.#remove(this.#consumer)
    this.#consumer = undefined
    this.#end = undefined
    this.#current = false
  }

  /** The server would find out by itself in five minutes. */
  #remove(consumer: string): void {
    const { api } = this.#parts
    if (api.link.up) api.removeConsumer(this.#feed.stream, consumer).catch((error) => api.link.note(error))
  }

  /** Nothing more comes; what has arrived may be read. */
  fail(error: unknown): void {
    if (this.#closed || this.failure !== undefined) return
    const { stream } = this.#feed
    const why = error instanceof Error ? error.message : String(error)
    const consumer = this.#consumer ?? 'of a reader'
    this.failure =
      error instanceof SpillwayError ? error : new ConsumerLostError(stream, consumer, why, { cause: error })
    this.#drop()
    this.#parts.changed()
  }
}
