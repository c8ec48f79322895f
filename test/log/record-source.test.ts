import { describe, expect, it } from 'vitest'
import { Bell } from '../../src/core/bell.ts'
import { InProcessBroker } from '../../src/core/in-process-broker.ts'
import { subscriptionSettings } from '../../src/core/settings.ts'
import { assertBalanced, type Message, OffsetEvictedError, type SpillwayError } from '../../src/index.ts'
import { LogHandlerSubscription } from '../../src/log/log-handler-subscription.ts'
import { LogReaderSubscription } from '../../src/log/log-reader-subscription.ts'
import type { RecordSource } from '../../src/log/record-source.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { range, rejection, takeAll, turn, until, watch } from '../support/watch.ts'

/** A source that fetches records a few at a time, when the test lets it, and counts how often it is asked. */
class FetchingSource implements RecordSource {
  failure: SpillwayError | undefined
  looks = 0
  readonly #bell = new Bell()
  #atHand: Message[] = []
  #fetched = 0
  #taken = 0
  #end: number
  #stopAt = Number.POSITIVE_INFINITY

  constructor(end: number) {
    this.#end = end
  }

  get pending(): number {
    return Math.min(this.#end, this.#stopAt) - this.#taken
  }

  get exhausted(): boolean {
    return this.#taken >= this.#stopAt
  }

  take(): Message | undefined {
    this.looks++
    if (this.#atHand.length > 0) this.#taken++
    return this.#atHand.shift()
  }

  takeBatch(max: number): readonly Message[] {
    this.looks++
    const batch = this.#atHand.splice(0, max)
    this.#taken += batch.length
    return batch
  }

  wait(): Promise<void> {
    return this.#bell.wait()
  }

  wake(): void {
    this.#bell.ringAll()
  }

  stop(): void {
    this.#stopAt = this.#end
  }

  close(): void {
    this.#atHand = []
  }

  /** So many more have been read from wherever they are kept. */
  arrive(count: number): void {
    for (const n of range(this.#fetched, this.#fetched + count))
      this.#atHand.push({ topic: 't', payload: n, headers: {}, id: `${n}`, time: 0 })
    this.#fetched += count
    this.#end = Math.max(this.#end, this.#fetched)
    this.wake()
  }

  fail(): void {
    this.failure = new OffsetEvictedError('t', this.#taken, this.#taken + 1, this.#end)
    this.wake()
  }
}

function reading(source: RecordSource) {
  const clock = new ManualClock()
  const host = new InProcessBroker({ clock })
  const place = { pattern: 't', host, readers: host.guests, ended: host.guestEnded.bind(host) }
  const reader = () => new LogReaderSubscription(place, 1, source, subscriptionSettings({}), undefined)
  const handler = (call: (message: Message) => unknown) =>
    new LogHandlerSubscription(place, 1, call, source, subscriptionSettings({ capacity: 2 }), undefined)
  return { clock, host, reader, handler }
}

describe('a reader of records that must be fetched', () => {
  it('polls what is at hand and waits for the rest', async () => {
    const source = new FetchingSource(5)
    const reader = reading(source).reader()
    const next = watch(reader.next())
    expect(reader.poll()).toBeUndefined()
    expect([reader.pending, reader.closed]).toEqual([5, false])
    await turn()
    expect(next.state).toBe('pending')

    source.arrive(3)
    await turn()
    expect(next.value?.value?.payload).toBe(0)
    expect(takeAll(reader)).toEqual([1, 2])
    expect(reader.pending).toBe(2)
  })

  it('rests while there is nothing, in every form', async () => {
    const source = new FetchingSource(9)
    const { reader, handler } = reading(source)
    void reader().next()
    void reader().batches().next()
    handler(() => undefined)
    for (let turns = 0; turns < 50; turns++) await turn()
    expect(source.looks).toBeLessThanOrEqual(3)
  })

  it('gets batches of what has been fetched', async () => {
    const source = new FetchingSource(6)
    const { reader, host } = reading(source)
    const got: unknown[][] = []
    const loop = async () => {
      for await (const batch of reader().batches({ max: 2 })) got.push(batch.map(({ payload }) => payload))
    }
    const over = loop()
    source.arrive(3)
    await turn()
    source.arrive(2)
    await turn()
    expect(got).toEqual([[0, 1], [2], [3, 4]])

    const drained = host.drain()
    source.arrive(1)
    await over
    expect(got.at(-1)).toEqual([5])
    expect(await drained).toMatchObject({ complete: true, delivered: 1, dropped: 0 })
    assertBalanced(host.ledger())
  })

  it('drains what is still to be fetched, and at the deadline gives it up', async () => {
    const source = new FetchingSource(4)
    const { reader, handler, host, clock } = reading(source)
    const handled: unknown[] = []
    const subscription = handler(({ payload }) => handled.push(payload))
    const drained = watch(subscription.drain())
    source.arrive(3)
    await until(() => handled.length === 3)
    expect(drained.state).toBe('pending')
    source.arrive(1)
    await until(() => drained.state === 'resolved')
    expect(handled).toEqual([0, 1, 2, 3])

    const stuck = new FetchingSource(4)
    const place = { pattern: 't', host, readers: host.guests, ended: host.guestEnded.bind(host) }
    const late = new LogReaderSubscription(place, 2, stuck, subscriptionSettings({}), undefined)
    const report = watch(host.drain({ timeoutMs: 50 }))
    await turn()
    clock.advance(50)
    await turn()
    expect(report.value).toMatchObject({ complete: false, delivered: 0, durationMs: 50 })
    expect(late.closed).toBe(true)
    assertBalanced(host.ledger())
    expect(reader).toBeTypeOf('function')
  })

  it('is told of a failure while it waits, once', async () => {
    const source = new FetchingSource(4)
    const reader = reading(source).reader()
    const next = rejection(reader.next())
    source.fail()

    expect(await next).toBe(source.failure)
    expect(await reader.next()).toEqual({ value: undefined, done: true })
  })
})
