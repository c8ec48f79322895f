import { Bell } from '../core/bell.ts'
import { SpillwayError } from '../core/errors.ts'
import { OffsetEvictedError } from '../core/offset-errors.ts'
import type { Position } from '../core/position.ts'
import type { RecordSource } from '../log/record-source.ts'
import type { FetchedRecord } from './client.ts'
import type { Deps } from './deps.ts'
import { type ConsumerEvents, partitionKey, type PartitionOffset, type TopicPartition } from './driver.ts'
import { KafkaRequestError } from './errors.ts'
import { Fetched, type FetchLimits } from './fetched.ts'
import { Intake } from './intake.ts'
import type { KafkaRecord } from './kafka-record.ts'
import { StartPlaces } from './start-places.ts'
import { throttle } from './throttle.ts'
import { endMs, within } from './within.ts'

const againMs = 500

interface Lane extends TopicPartition {
  readonly fetched: Fetched
  /** Where it ends for a reader that drains; undefined until that is known. */
  end: number | undefined
}

/**
 * The records of a reader without a group. Kafka's clients read only as members of some group, so it is the one member of
 * a group that nobody else knows, which commits nothing and is forgotten by the server when it ends.
 */
export class ReaderSource implements RecordSource, ConsumerEvents {
  readonly #deps: Deps
  readonly #intake: Intake
  readonly #starts: StartPlaces
  readonly #bell = new Bell()
  readonly #limits: FetchLimits
  readonly #lanes = new Map<string, Lane>()
  #row: readonly Lane[] = []
  #turn = 0
  #failure: SpillwayError | undefined
  #stopping = false
  /** It knows where it is to end. */
  #bounded = false
  #closed = false
  /** Resolves when it has left. */
  ended: Promise<void> | undefined

  constructor(deps: Deps, groupId: string, pattern: string, from: Position, capacity: number | undefined) {
    this.#deps = deps
    const { limits } = deps.settings
    this.#limits = capacity === undefined ? limits : { ...limits, messages: capacity }
    this.#starts = new StartPlaces(from)
    const { admin, clock, driver, settings, topics, trouble } = deps
    this.#intake = new Intake({
      pattern,
      topics,
      clock,
      consumer: () => driver.consumer({ ...settings.consumer, groupId }, this),
      prepare: (found) => this.#starts.find(admin, found),
      failed: (error) => this.#fail(error),
      isFinal: (error) => error instanceof SpillwayError,
      trouble,
    })
  }

  /** Settles when it is known where it begins. */
  get prepared(): Promise<void> {
    return this.#intake.prepared
  }

  get pending(): number {
    return this.#row.reduce((sum, { fetched }) => sum + fetched.size, 0)
  }

  get failure(): SpillwayError | undefined {
    return this.#failure
  }

  get exhausted(): boolean {
    if (!this.#stopping || !this.#bounded) return false
    return this.#row.every(({ end, fetched }) => end === undefined || fetched.seq >= end)
  }

  take(): KafkaRecord | undefined {
    if (this.#failure !== undefined || this.#closed) return undefined
    const row = this.#row
    for (let step = 0; step < row.length; step++) {
      const at = (this.#turn + step) % row.length
      const lane = row[at]
      if (lane === undefined || (lane.end !== undefined && lane.fetched.seq >= lane.end)) continue
      const record = lane.fetched.take()
      if (record === undefined) continue
      this.#turn = lane.fetched.size > 0 && this.#turn % 64 !== 63 ? at : at + 1
      return record
    }
    return undefined
  }

  takeBatch(max: number): readonly KafkaRecord[] {
    const batch: KafkaRecord[] = []
    while (batch.length < max) {
      const record = this.take()
      if (record === undefined) break
      batch.push(record)
    }
    return batch
  }

  wait(): Promise<void> {
    const waited = this.#bell.wait()
    if (this.#closed || this.#failure !== undefined || this.exhausted || this.pending > 0)
      this.#bell.ringAll()
    return waited
  }

  wake(): void {
    this.#bell.ringAll()
  }

  stop(): void {
    if (this.#stopping) return
    this.#stopping = true
    void this.#findEnd()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const { fetched } of this.#row) fetched.clear()
    this.ended = within(this.#deps.clock, this.#intake.end(), endMs)
  }

  async assigned(parts: readonly TopicPartition[]): Promise<readonly PartitionOffset[]> {
    const places: PartitionOffset[] = []
    for (const part of parts) {
      const lane = this.#lanes.get(partitionKey(part)) ?? (await this.#open(part))
      if (lane !== undefined)
        places.push({ topic: lane.topic, partition: lane.partition, offset: lane.fetched.next })
    }
    return places
  }

  async revoked(): Promise<void> {
    for (const { fetched } of this.#row) fetched.release() // it keeps what it has, and its place
  }

  lost(): void {}

  records(part: TopicPartition, records: readonly FetchedRecord[]): Promise<void> | void {
    const lane = this.#lanes.get(partitionKey(part))
    const { driver } = this.#intake
    if (lane === undefined || driver === undefined || this.#closed) return
    const { fetched } = lane
    const gap = Number(records[0]?.offset ?? 0) - fetched.next
    if (gap > 0) void this.#checkGap(lane, fetched.next)
    fetched.push(part, records, this.#deps.wire)
    this.#bell.ringAll()
    if (fetched.full) return throttle(part, fetched, driver, this.#deps.clock, () => !this.#closed)
  }

  trouble(error: unknown): void {
    this.#deps.trouble(error)
  }

  /** Offsets are missing: compaction and transactions leave gaps, but so does retention that has overtaken the reader. */
  async #checkGap({ partition, topic }: Lane, expected: number): Promise<void> {
    const bounds = await this.#deps.admin.bounds(topic).catch(() => [])
    const found = bounds.find((one) => one.partition === partition)
    if (found !== undefined && found.low > expected)
      this.#fail(new OffsetEvictedError(topic, expected, found.low, found.high))
  }

  async #open({ partition, topic }: TopicPartition): Promise<Lane | undefined> {
    const { admin, trouble } = this.#deps
    while (!this.#closed) {
      try {
        const bounds = (await admin.bounds(topic)).find((one) => one.partition === partition)
        const start = this.#starts.of({ topic, partition }, bounds ?? { partition, low: 0, high: 0 })
        const end = this.#bounded ? (bounds?.high ?? start) : undefined
        const lane = { topic, partition, fetched: new Fetched(start, this.#limits), end }
        this.#lanes.set(partitionKey(lane), lane)
        this.#row = [...this.#lanes.values()]
        return lane
      } catch (error) {
        trouble(error)
        await this.#pause()
      }
    }
    return undefined
  }

  /** A reader that drains reads to where the log ends now. */
  async #findEnd(): Promise<void> {
    await this.prepared
    for (const { end, ...part } of await this.#ends()) {
      const lane = this.#lanes.get(partitionKey(part)) ?? (await this.#open(part))
      if (lane !== undefined) lane.end = end
    }
    this.#bounded = true
    this.#bell.ringAll()
  }

  /** Asked until the server says so: whoever drains has a deadline, and nothing else may cut the reading short. */
  async #ends(): Promise<readonly (TopicPartition & { readonly end: number })[]> {
    const { admin, topics, trouble } = this.#deps
    while (!this.#closed) {
      try {
        const names = topics.matching(this.#intake.pattern)
        const bounds = await Promise.all(names.map((topic) => admin.bounds(topic)))
        return names.flatMap((topic, at) =>
          (bounds[at] ?? []).map(({ high, partition }) => ({ topic, partition, end: high })),
        )
      } catch (error) {
        trouble(error)
        await this.#pause()
      }
    }
    return []
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#deps.clock.schedule(resolve, againMs)
    })
  }

  #fail(error: unknown): void {
    this.#failure ??=
      error instanceof SpillwayError
        ? error
        : new KafkaRequestError('Finding where to begin', { cause: error })
    this.#bell.ringAll()
  }
}
