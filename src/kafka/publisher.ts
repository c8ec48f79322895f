import { toJson } from '../core/codec.ts'
import { BrokerClosedError } from '../core/errors.ts'
import { DisconnectedError, PublishOverloadedError, PublishUnconfirmedError } from '../remote/errors.ts'
import { PublishGate } from '../remote/publish-gate.ts'
import { type Fate, TransportBooks } from '../remote/transport-books.ts'
import { contentTypeHeader } from '../remote/wire.ts'
import type { KafkaBrokerOptions, KafkaPublishOptions, KafkaReceipt } from './contract.ts'
import { Deadlines } from './deadlines.ts'
import type { Deps } from './deps.ts'
import type { OutRecord, ProducerDriver } from './driver.ts'
import { idHeader } from './kafka-record.ts'
import { SendLane } from './send-lane.ts'
import { Sending } from './sending.ts'
import { checkKafkaTopic } from './topic-watch.ts'
import { endMs, within } from './within.ts'

interface Events {
  readonly hold: () => Promise<void> | undefined
  readonly up: () => void
  readonly down: (error: unknown) => void
}

/**
 * Publishes. What is unanswered is bounded: within the window messages are on their way, as many again wait for a place in
 * it, and more are refused.
 */
export class Publisher {
  readonly books: TransportBooks = new TransportBooks()
  readonly #deps: Deps
  readonly #events: Events
  readonly #gate: PublishGate
  readonly #json: boolean
  readonly #producer: ProducerDriver
  readonly #lanes = new Map<string, SendLane>()
  readonly #deadlines: Deadlines<Sending>
  readonly #unanswered = new Set<Sending>()
  /** Within the window. */
  #messages = 0
  #bytes = 0
  #waiting: Sending[] = []
  #idle: (() => void) | undefined
  readonly #done = (sending: Sending, fate: Fate): void => {
    this.books.settle(fate)
    this.#unanswered.delete(sending)
    if (this.#unanswered.size === 0) this.#idle?.()
  }

  constructor(deps: Deps, { codec, schemas }: KafkaBrokerOptions, events: Events) {
    this.#deps = deps
    this.#events = events
    this.#gate = new PublishGate(schemas)
    this.#json = codec === undefined
    const { deadlineMs, lingerMs } = deps.settings.send
    this.#producer = deps.driver.producer({ deadlineMs, lingerMs })
    this.#deadlines = new Deadlines<Sending>(deps.clock, (sending) => this.#late(sending))
  }

  publish(topic: string, payload: unknown, options?: KafkaPublishOptions): Promise<KafkaReceipt> {
    // Anything that may be refused passes the gate; the commonest publish by far may not.
    if (options === undefined && this.#gate.clears(topic)) {
      try {
        return this.#send(topic, payload, undefined)
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return this.#gate.pass(topic, payload, options, (valid) => this.#send(topic, valid, options))
  }

  /** Takes nothing new. */
  refuse(): void {
    this.#gate.close()
  }

  /** Resolves when nothing is unanswered, or after so long. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.#unanswered.size === 0) return
    await new Promise<void>((resolve) => {
      const cancel = this.#deps.clock.schedule(resolve, timeoutMs)
      this.#idle = () => {
        cancel()
        resolve()
      }
    })
  }

  /** What is unanswered now is told so. */
  async close(): Promise<void> {
    this.refuse()
    this.#deadlines.close()
    for (const sending of [...this.#unanswered]) {
      if (sending.stage !== 'sent') sending.fail('failed', new BrokerClosedError('publish'))
      else this.#unconfirmed(sending, new BrokerClosedError('publish'))
    }
    for (const lane of this.#lanes.values()) lane.close()
    await within(this.#deps.clock, this.#producer.close(), endMs)
  }

  #send(topic: string, payload: unknown, options: KafkaPublishOptions | undefined): Promise<KafkaReceipt> {
    if (!this.#lanes.has(topic)) checkKafkaTopic(topic)
    const { clock, settings } = this.#deps
    const { deadlineMs, windowMessages } = settings.send
    if (this.#waiting.length >= windowMessages) throw new PublishOverloadedError(topic, this.#bytes)
    const record = this.#record(topic, payload, options)
    const sending = new Sending(topic, record, clock.now(), deadlineMs, this.#done)
    this.books.send()
    this.#unanswered.add(sending)
    this.#deadlines.add(sending)
    if (this.#waiting.length > 0 || !this.#fits(sending)) this.#waiting.push(sending)
    else this.#enter(sending)
    return options?.signal === undefined ? sending.promise : untilAborted(sending, options.signal)
  }

  #record(topic: string, payload: unknown, options: KafkaPublishOptions | undefined): OutRecord {
    const { clock, wire } = this.#deps
    const time = clock.now()
    const { headers, id, key, tombstone } = options ?? {}
    // A header costs a third of the speed: without an id of its own a message is known by its place.
    const own = headers === undefined ? undefined : { ...headers } // they are the publisher's: copied now
    const named = id === undefined ? own : { ...own, [idHeader]: id }
    if (tombstone === true) return { key, value: null, headers: named, time }
    // Text is made a buffer at once: a view of one costs as much again, and clients take nothing else.
    if (this.#json && payload !== undefined && !(payload instanceof Uint8Array))
      return { key, value: Buffer.from(toJson(payload, topic)), headers: named, time }
    const { bytes, contentType } = wire.encode(payload, topic)
    const typed = contentType === undefined ? named : { ...named, [contentTypeHeader]: contentType }
    const value = bytes === payload ? Buffer.from(bytes) : bytes // so are bytes
    return { key, value, headers: typed, time }
  }

  #fits({ bytes }: Sending): boolean {
    const { windowBytes, windowMessages } = this.#deps.settings.send
    return this.#messages === 0 || (this.#messages < windowMessages && this.#bytes + bytes <= windowBytes)
  }

  #enter(sending: Sending): void {
    this.#messages++
    this.#bytes += sending.bytes
    this.#lane(sending.topic).push(sending)
  }

  /** These are with the client no more: others may go. */
  #released(sent: readonly Sending[]): void {
    for (const { bytes } of sent) {
      this.#messages--
      this.#bytes -= bytes
    }
    let count = 0
    for (const sending of this.#waiting) {
      if (!sending.settled && !this.#fits(sending)) break
      count++
      if (!sending.settled) this.#enter(sending)
    }
    if (count > 0) this.#waiting = this.#waiting.slice(count)
  }

  #lane(topic: string): SendLane {
    const known = this.#lanes.get(topic)
    if (known !== undefined) return known
    const { clock, settings, topics } = this.#deps
    const lane = new SendLane({
      topic,
      clock,
      settings: settings.send,
      producer: this.#producer,
      exists: () => topics.exists(topic),
      hold: this.#events.hold,
      missing: () => topics.forget(topic),
      released: (sent) => this.#released(sent),
      up: this.#events.up,
      down: this.#events.down,
    })
    this.#lanes.set(topic, lane)
    return lane
  }

  #late(sending: Sending): void {
    const { deadlineMs } = this.#deps.settings.send
    if (sending.stage === 'sent') this.#unconfirmed(sending, undefined)
    else
      sending.fail(
        'failed',
        new DisconnectedError(
          sending.topic,
          `it could not be sent for ${deadlineMs} ms: the servers do not answer`,
        ),
      )
    this.#events.down(new Error(`No answer to a publish for ${deadlineMs} ms.`))
  }

  #unconfirmed(sending: Sending, cause: unknown): void {
    const waitedMs = this.#deps.clock.now() - sending.since
    sending.fail('unknown', new PublishUnconfirmedError(sending.topic, waitedMs, { cause }))
  }
}

/** Waits no longer than the signal: what has not been sent then never is, of the rest nobody knows. */
async function untilAborted(sending: Sending, signal: AbortSignal): Promise<KafkaReceipt> {
  const abort = (): void => sending.fail(sending.stage === 'sent' ? 'unknown' : 'failed', signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await sending.promise
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
