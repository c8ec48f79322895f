import type { Clock } from '../core/clock.ts'
import { PublishRejectedError, PublishUnconfirmedError } from '../remote/errors.ts'
import type { ProducerDriver, SendResult } from './driver.ts'
import type { SendSettings } from './options.ts'
import { isAboutRecord, isUnknownTopic } from './send-errors.ts'
import type { Sending } from './sending.ts'

/** How long it waits before it tries again what the client could not send, in milliseconds. */
const againMs = 200

interface Parts {
  readonly topic: string
  readonly clock: Clock
  readonly settings: SendSettings
  readonly producer: ProducerDriver
  /** Before the first send, and after one that the topic was not there for: false when there is no such topic. */
  readonly exists: () => Promise<boolean>
  /** What has to happen before anything is sent, if there is anything: it never rejects. */
  readonly hold: () => Promise<void> | undefined
  /** The topic is not there any more. */
  readonly missing: () => void
  /** These are with the client no more. */
  readonly released: (sent: readonly Sending[]) => void
  readonly up: () => void
  readonly down: (error: unknown) => void
}

/**
 * What is published to one topic, in order. Messages gather while a request is under way and travel together in the next,
 * so that the first waits for nobody and the many cost little each:
 *
 *     queue  [ 4 5 6 … ]  →  sends under way [ 1 2 3 ]  →  answered
 *
 * What could certainly not be sent goes back to the front and is tried again, until its deadline.
 */
export class SendLane {
  readonly #parts: Parts
  #queue: Sending[] = []
  #open = 0
  #flushing = false
  #known = false
  #closed = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get idle(): boolean {
    return this.#open === 0 && this.#queue.length === 0
  }

  push(sending: Sending): void {
    sending.stage = 'queued'
    this.#queue.push(sending)
    this.#flushSoon()
  }

  /** Nothing is sent any more; who waits here is told by whoever closes. */
  close(): void {
    this.#closed = true
    this.#queue = []
  }

  #flushSoon(delayMs: number = this.#parts.settings.lingerMs): void {
    if (this.#flushing || this.#closed) return
    const { producer, settings } = this.#parts
    if (this.#open >= producer.sendsAtOnce) return // the answer will bring us here again
    this.#flushing = true
    const flush = (): void => {
      this.#flushing = false
      void this.#flush()
    }
    if (delayMs > 0 && this.#queue.length < settings.batchMessages) this.#parts.clock.schedule(flush, delayMs)
    else void Promise.resolve().then(flush) // with what the same turn publishes
  }

  async #flush(): Promise<void> {
    const held = this.#parts.hold()
    if (held !== undefined) await this.#alone(() => held)
    if (!this.#known && !(await this.#find())) return
    while (!this.#closed && this.#open < this.#parts.producer.sendsAtOnce) {
      const batch = this.#nextBatch()
      if (batch.length === 0) return
      void this.#send(batch)
    }
  }

  /** Does something with no flush beside it. */
  async #alone<T>(task: () => Promise<T>): Promise<T> {
    const { sendsAtOnce } = this.#parts.producer
    this.#open += sendsAtOnce
    try {
      return await task()
    } finally {
      this.#open -= sendsAtOnce
    }
  }

  /** Makes sure, once, that the topic exists. */
  async #find(): Promise<boolean> {
    const { exists, topic } = this.#parts
    let found: boolean | undefined
    try {
      found = await this.#alone(exists)
    } catch (error) {
      this.#parts.down(error)
    }
    if (found === true) {
      this.#known = true
    } else if (found === false) {
      const queue = this.#take(this.#queue.length)
      const error = new PublishRejectedError(topic, 'there is no such topic, and topics.create is not set')
      for (const sending of queue) sending.fail('failed', error)
      this.#parts.released(queue)
    } else if (this.#queue.length > 0) {
      this.#flushSoon(againMs)
    }
    return found === true
  }

  #nextBatch(): readonly Sending[] {
    const { batchBytes, batchMessages } = this.#parts.settings
    let [count, bytes] = [0, 0]
    for (const sending of this.#queue) {
      if (count > 0 && (count === batchMessages || bytes + sending.bytes > batchBytes)) break
      count++
      bytes += sending.bytes
    }
    const batch = this.#take(count)
    const [over, live] = split(batch, (sending) => sending.settled)
    if (over.length > 0) this.#parts.released(over)
    return live.length === 0 && this.#queue.length > 0 ? this.#nextBatch() : live
  }

  #take(count: number): Sending[] {
    if (count === this.#queue.length) {
      const all = this.#queue
      this.#queue = []
      return all
    }
    return this.#queue.splice(0, count)
  }

  async #send(batch: readonly Sending[]): Promise<void> {
    const { producer, topic } = this.#parts
    this.#open++
    for (const sending of batch) sending.stage = 'sent'
    const results = await producer.send(
      topic,
      batch.map(({ record }) => record),
    )
    this.#open--
    const again = this.#settle(batch, results)
    if (again.length > 0) {
      this.#queue = [...again, ...this.#queue]
      this.#flushSoon(againMs)
    } else {
      this.#flushSoon(0)
    }
  }

  /** Tells the publishers; returns what is to be sent again. */
  #settle(batch: readonly Sending[], results: readonly SendResult[]): readonly Sending[] {
    const again: Sending[] = []
    const alone: Sending[] = []
    const released: Sending[] = []
    for (const [index, sending] of batch.entries()) {
      const result = results[index]
      if (result === undefined || !('error' in result) || sending.settled) {
        this.#tell(sending, result)
        released.push(sending)
      } else if (result.down) {
        sending.stage = 'queued'
        again.push(sending)
      } else if (batch.length > 1 && isAboutRecord(result)) {
        alone.push(sending) // one that the server refuses takes those beside it with it; by themselves they pass
      } else {
        this.#tell(sending, result)
        released.push(sending)
      }
    }
    const [first] = results
    if (first !== undefined) this.#judge(first)
    if (alone.length > 0) void this.#sendEach(alone)
    this.#parts.released(released)
    return again
  }

  async #sendEach(batch: readonly Sending[]): Promise<void> {
    const { producer, released, topic } = this.#parts
    await this.#alone(async () => {
      for (const sending of batch) {
        const [result] = await producer.send(topic, [sending.record])
        this.#tell(sending, result)
        released([sending])
      }
    })
    this.#flushSoon(0)
  }

  #judge(result: SendResult): void {
    if (!('error' in result) || isRefusal(result)) this.#parts.up()
    else this.#parts.down(result.error)
  }

  #tell(sending: Sending, result: SendResult | undefined): void {
    const { clock, topic } = this.#parts
    if (result !== undefined && !('error' in result)) return sending.confirm(result)
    const cause = result?.error
    if (result?.certain === true) {
      if (isUnknownTopic(result)) {
        this.#known = false
        this.#parts.missing()
      }
      const why = cause instanceof Error ? cause.message : String(cause)
      sending.fail('failed', new PublishRejectedError(topic, why, { cause }))
    } else {
      sending.fail('unknown', new PublishUnconfirmedError(topic, clock.now() - sending.since, { cause }))
    }
  }
}

function isRefusal(result: SendResult): boolean {
  return 'error' in result && result.certain && !result.down
}

function split<T>(items: readonly T[], first: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  const yes = items.filter(first)
  return yes.length === 0 ? [yes, items] : [yes, items.filter((item) => !first(item))]
}
