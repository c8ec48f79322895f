import type { Clock } from '../core/clock.ts'
import type { CommitCounts } from './contract.ts'
import type { ConsumerDriver, PartitionOffset } from './driver.ts'
import type { PartitionLane } from './partition-lane.ts'

/** A commit that is not answered for so long has failed, in milliseconds. */
const answerMs = 5000
/** How often offsets are read back, in milliseconds, where commits are not answered. */
const verifyMs = 3000

export interface CommitSettings {
  readonly commitMs: number
  readonly commitMessages: number
  readonly verify: boolean
}

interface Parts {
  readonly clock: Clock
  readonly settings: CommitSettings
  readonly lanes: () => Iterable<PartitionLane>
  /** The client that is at work, if any. */
  readonly driver: () => ConsumerDriver | undefined
  /** The server has refused an offset twice. */
  readonly refused: (place: PartitionOffset, has: number | undefined) => void
}

/**
 * Writes down how far a group has come: of each partition the offset before which everything is acked, never one beyond a
 * message that is not. Only of partitions that this process has: the server does not ask whose they are, and a late
 * commit would move their new owner back.
 */
export class Commits {
  readonly #parts: Parts
  #acked = 0
  #cancel: (() => void) | undefined
  #cancelVerify: (() => void) | undefined
  #running: Promise<void> | undefined
  #closed = false
  #committed = 0
  #failed = 0
  #mismatched = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get counts(): CommitCounts {
    return { committed: this.#committed, failed: this.#failed, mismatched: this.#mismatched }
  }

  /** A message was acked: it is committed soon. */
  acked(): void {
    const { clock, settings } = this.#parts
    if (this.#closed) return
    if (++this.#acked >= settings.commitMessages && this.#running === undefined) void this.commit()
    else this.#cancel ??= clock.schedule(() => void this.commit(), settings.commitMs)
  }

  /** Commits what has moved. Resolves when the client says it has, or has failed; what failed is tried again later. */
  async commit(): Promise<void> {
    this.#disarm()
    while (this.#running !== undefined) await this.#running
    this.#running = this.#commitMoved()
    await this.#running
    this.#running = undefined
  }

  /**
   * Commits the places of these lanes before they are given away. Where commits are not answered it reads them back, and
   * commits once more what the server does not have.
   */
  async settle(lanes: readonly PartitionLane[]): Promise<void> {
    await this.commit()
    if (this.#parts.settings.verify) await this.#verify(lanes)
  }

  close(): void {
    this.#closed = true
    this.#disarm()
    this.#cancelVerify?.()
  }

  async #commitMoved(): Promise<void> {
    const { clock, driver, lanes, settings } = this.#parts
    this.#acked = 0
    const client = driver()
    const moved = [...lanes()].filter((lane) => lane.moved)
    if (client === undefined || moved.length === 0) return
    const places = moved.map((lane) => ({ lane, offset: lane.place }))
    const error = await answered(
      clock,
      client.commit(places.map(({ lane, offset }) => placeOf(lane, offset))),
    )
    if (error !== undefined) {
      this.#failed += places.length
      if (!this.#closed) this.#cancel ??= clock.schedule(() => void this.commit(), settings.commitMs)
      return
    }
    this.#committed += places.length
    for (const { lane, offset } of places) lane.committed = Math.max(lane.committed, offset)
    if (settings.verify && !this.#closed)
      this.#cancelVerify ??= clock.schedule(() => void this.#verifyAll(), verifyMs, true)
  }

  async #verifyAll(): Promise<void> {
    this.#cancelVerify = undefined
    await this.#verify([...this.#parts.lanes()])
  }

  async #verify(lanes: readonly PartitionLane[]): Promise<void> {
    const missing = await this.#missing(lanes)
    if (missing.length === 0) return
    this.#mismatched += missing.length
    const client = this.#parts.driver()
    const places = missing.map(({ lane, said }) => placeOf(lane, Math.max(said, lane.place)))
    if (client === undefined || (await answered(this.#parts.clock, client.commit(places))) !== undefined)
      return
    for (const { has, lane, said } of await this.#missing(missing.map(({ lane }) => lane))) {
      lane.committed = has ?? -1 // so that the next commit tries it again
      this.#parts.refused(placeOf(lane, said), has)
    }
  }

  /** The lanes of which the server has less than was committed. */
  async #missing(lanes: readonly PartitionLane[]): Promise<readonly Missing[]> {
    const said = lanes
      .filter((lane) => lane.owned && lane.committed >= 0)
      .map((lane) => ({ lane, said: lane.committed }))
    const client = this.#parts.driver()
    if (client === undefined || said.length === 0) return []
    try {
      const has = await client.committed(said.map(({ lane: { partition, topic } }) => ({ topic, partition })))
      return said
        .map((one, index) => ({ ...one, has: has[index] }))
        .filter(({ has, lane, said }) => lane.owned && (has ?? 0) < said) // a client reads 0 back as nothing
    } catch {
      return [] // it could not be asked; the next time will do
    }
  }

  #disarm(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}

interface Missing {
  readonly lane: PartitionLane
  readonly said: number
  readonly has: number | undefined
}

function placeOf({ partition, topic }: PartitionLane, offset: number): PartitionOffset {
  return { topic, partition, offset }
}

/** What a promise rejected with, or that it did not settle in time; undefined when it resolved. */
async function answered(clock: Clock, promise: Promise<void>): Promise<unknown> {
  let cancel: () => void = () => undefined
  const late = new Promise<unknown>((resolve) => {
    cancel = clock.schedule(() => resolve(new Error(`No answer after ${answerMs} ms.`)), answerMs)
  })
  const settled = promise.then(
    () => undefined,
    (error: unknown) => error ?? new Error('The commit failed.'),
  )
  const outcome = await Promise.race([settled, late])
  cancel()
  return outcome
}
