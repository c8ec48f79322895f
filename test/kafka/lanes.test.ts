import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Commits } from '../../src/kafka/commits.ts'
import type { ConsumerDriver, PartitionOffset } from '../../src/kafka/driver.ts'
import { Fetched } from '../../src/kafka/fetched.ts'
import { Lanes } from '../../src/kafka/lanes.ts'
import { PartitionLane } from '../../src/kafka/partition-lane.ts'
import type { KafkaRecord } from '../../src/kafka/kafka-record.ts'
import { KafkaGroupMessage } from '../../src/kafka/group-message.ts'
import type { FetchedRecord } from '../../src/kafka/client.ts'
import { Wire } from '../../src/remote/wire.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { fcParameters } from '../support/seed.ts'

const wire = new Wire(undefined)
const limits = { messages: 8, bytes: 1e6 }
const none = (): void => undefined

function record(offset: number, key: string | undefined): FetchedRecord {
  return {
    offset: String(offset),
    key: key === undefined ? null : Buffer.from(key),
    value: Buffer.from(String(offset)),
    timestamp: '0',
  }
}

/** One partition as the server keeps it, and the member that has it. */
class Partition {
  readonly log: FetchedRecord[] = []
  committed = -1
  lane: PartitionLane | undefined
  readonly acked: Set<number> = new Set()
  fetched = 0
}

/** A group as a model of what must hold, around real lanes and real commits. */
class Model {
  readonly clock = new ManualClock()
  readonly lanes = new Lanes()
  readonly partitions: readonly Partition[]
  readonly commits: Commits
  readonly member = {}
  hand: KafkaGroupMessage[] = []
  delivered = 0
  refuse = false

  constructor(count: number) {
    this.partitions = Array.from({ length: count }, () => new Partition())
    const driver: Pick<ConsumerDriver, 'commit' | 'committed'> = {
      commit: (places) => this.#commit(places),
      committed: (parts) =>
        Promise.resolve(parts.map(({ partition }) => this.partitions[partition]?.committed)),
    }
    this.commits = new Commits({
      clock: this.clock,
      settings: { commitMs: 10, commitMessages: 5, verify: false },
      lanes: () => this.lanes.all,
      driver: () => driver as ConsumerDriver,
      refused: none,
    })
  }

  publish(at: number, key: string | undefined): void {
    const { log } = this.#at(at)
    log.push(record(log.length * 2, key)) // with gaps, as compaction and transactions leave them
  }

  assign(at: number): void {
    const partition = this.#at(at)
    if (partition.lane !== undefined) return
    const offset = Math.max(0, partition.committed)
    const lane = new PartitionLane({ topic: 't', partition: this.#index(at), offset }, partition.committed, {
      clock: this.clock,
      events: { work: none, acked: () => this.commits.acked() },
      limits,
      settings: {
        ackDeadlineMs: 100,
        maxInFlight: 4,
        orderingKey: ({ key }: KafkaRecord) => key,
      },
    })
    partition.lane = lane
    partition.fetched = partition.log.findIndex(({ offset: own }) => Number(own) >= offset)
    if (partition.fetched < 0) partition.fetched = partition.log.length
    this.lanes.add(lane)
  }

  fetch(at: number, count: number): void {
    const partition = this.#at(at)
    if (partition.lane === undefined || partition.lane.fetched.full) return
    const records = partition.log.slice(partition.fetched, partition.fetched + count)
    partition.fetched += records.length
    partition.lane.push(records, wire)
  }

  take(): void {
    const message = this.lanes.takeInTurn(({ state }) => {
      const delivery = state.take(this.member)
      return delivery === undefined ? undefined : new KafkaGroupMessage(delivery, state, 100)
    })
    if (message === undefined) return
    this.delivered++
    // In order: no earlier message of its key may be open, whoever has it.
    const { key, offset, partition } = message
    const earlier = this.#at(partition).log.filter(
      (one) => key !== undefined && String(one.key) === key && Number(one.offset) < offset,
    )
    for (const one of earlier) expect(this.#isDone(partition, Number(one.offset))).toBe(true)
    this.hand.push(message)
  }

  settle(at: number, how: 'ack' | 'nak' | 'later'): void {
    const [message] = this.hand.splice(at % Math.max(1, this.hand.length), 1)
    if (message === undefined) return
    const settled = how === 'ack' ? message.ack() : message.nak({ delayMs: how === 'later' ? 30 : 0 })
    if (settled && how === 'ack') this.#at(message.partition).acked.add(message.offset)
  }

  async revoke(at: number, commit: boolean): Promise<void> {
    const partition = this.#at(at)
    const { lane } = partition
    if (lane === undefined) return
    lane.stopIntake()
    if (commit) await this.commits.settle([lane])
    this.lanes.drop([lane])
    partition.lane = undefined
    const mine = this.hand.filter((message) => message.partition === lane.partition)
    for (const message of mine) expect(message.ack()).toBe(false)
  }

  /** What holds at any time. */
  check(): void {
    const { acked, delivered, expired, inFlight, nacked, returned } = this.lanes.counts
    expect(delivered).toBe(acked + nacked + expired + returned + inFlight)
    expect(delivered).toBe(this.delivered)
    for (const [index, { committed, lane, log }] of this.partitions.entries()) {
      const upTo = Math.max(committed, lane?.place ?? -1)
      for (const { offset } of log)
        if (Number(offset) < upTo) expect(this.#at(index).acked.has(Number(offset))).toBe(true)
    }
  }

  /** Brings everything to an end, and finds every message acked. */
  async finish(): Promise<void> {
    this.refuse = false
    for (let round = 0; round < 400; round++) {
      for (const index of this.partitions.keys()) {
        this.assign(index)
        this.fetch(index, 4)
      }
      this.clock.advance(20)
      this.take()
      while (this.hand.length > 0) this.settle(0, 'ack')
      for (let turn = 0; turn < 12; turn++) await Promise.resolve() // commits are answered
    }
    await this.commits.commit()
    for (const { acked, committed, log } of this.partitions) {
      expect([...acked].toSorted((a, b) => a - b)).toEqual(log.map(({ offset }) => Number(offset)))
      if (log.length > 0) expect(committed).toBe(Number(log.at(-1)?.offset) + 1)
    }
  }

  #commit(places: readonly PartitionOffset[]): Promise<void> {
    if (this.refuse) return Promise.reject(new Error('refused'))
    for (const { offset, partition } of places) {
      const one = this.#at(partition)
      expect(one.lane).toBeDefined() // only of partitions that it has
      expect(offset).toBeGreaterThan(one.committed) // never back
      one.committed = offset
    }
    return Promise.resolve()
  }

  #isDone(at: number, offset: number): boolean {
    return this.#at(at).acked.has(offset)
  }

  #index(at: number): number {
    return at % this.partitions.length
  }

  #at(at: number): Partition {
    const partition = this.partitions[this.#index(at)]
    if (partition === undefined) throw new Error('a model has partitions')
    return partition
  }
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant('publish' as const),
    at: fc.nat(2),
    key: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('assign' as const), at: fc.nat(2) }),
  fc.record({ kind: fc.constant('fetch' as const), at: fc.nat(2), count: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ kind: fc.constant('take' as const) }),
  fc.record({
    kind: fc.constant('settle' as const),
    at: fc.nat(5),
    how: fc.constantFrom('ack' as const, 'ack' as const, 'nak' as const, 'later' as const),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 120 }) }),
  fc.record({ kind: fc.constant('revoke' as const), at: fc.nat(2), commit: fc.boolean() }),
  fc.record({ kind: fc.constant('refuse' as const), on: fc.boolean() }),
)

describe('the lanes of a group', () => {
  it('deliver everything, commit only what is acked without a gap, keep keys in order, and balance, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
        const model = new Model(3)
        for (const one of steps) {
          if (one.kind === 'publish') model.publish(one.at, one.key)
          else if (one.kind === 'assign') model.assign(one.at)
          else if (one.kind === 'fetch') model.fetch(one.at, one.count)
          else if (one.kind === 'take') model.take()
          else if (one.kind === 'settle') model.settle(one.at, one.how)
          else if (one.kind === 'wait') model.clock.advance(one.ms)
          else if (one.kind === 'revoke') await model.revoke(one.at, one.commit)
          else model.refuse = one.on
          for (let turn = 0; turn < 12; turn++) await Promise.resolve()
          model.check()
        }
        await model.finish()
        model.check()
      }),
      fcParameters(300),
    )
  })
})

describe('what was fetched', () => {
  it('takes in nothing twice, and knows its place across gaps', () => {
    const fetched = new Fetched(5, limits)
    const part = { topic: 't', partition: 0 }

    fetched.push(part, [record(3, undefined), record(5, undefined), record(9, undefined)], wire)
    fetched.push(part, [record(9, undefined), record(10, undefined)], wire)

    expect([fetched.seq, fetched.next, fetched.size]).toEqual([5, 11, 3])
    expect([fetched.take()?.offset, fetched.seq]).toEqual([5, 9])
    expect([fetched.take()?.offset, fetched.take()?.offset, fetched.take()]).toEqual([9, 10, undefined])
    expect(fetched.seq).toBe(11)
  })

  it('has room again when it is half empty', async () => {
    const fetched = new Fetched(0, limits)
    const offsets = Array.from({ length: 8 }, (_, n) => record(n, undefined))
    fetched.push({ topic: 't', partition: 0 }, offsets, wire)
    let room = false
    const waiting = fetched.room().then(() => {
      room = true
    })

    for (let n = 0; n < 3; n++) fetched.take()
    await Promise.resolve()
    expect([fetched.full, room]).toEqual([false, false])
    fetched.take()

    await waiting
    expect(room).toBe(true)
  })
})
