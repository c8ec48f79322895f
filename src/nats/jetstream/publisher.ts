import type { Msg } from '@nats-io/nats-core'
import type { PublishOptions } from '../../core/contract.ts'
import { BrokerClosedError, invariant, InvalidTopicError } from '../../core/errors.ts'
import type { PayloadSchema } from '../../core/schema.ts'
import {
  DisconnectedError,
  MessageTooLargeError,
  PublishOverloadedError,
  PublishRejectedError,
  PublishUnconfirmedError,
} from '../../remote/errors.ts'
import { PublishGate } from '../../remote/publish-gate.ts'
import { type Fate, TransportBooks } from '../../remote/transport-books.ts'
import type { Wire } from '../../remote/wire.ts'
import { publishError } from '../errors.ts'
import { headerBytes, toNatsHeaders } from '../headers.ts'
import { type JetStreamApi, notAvailable } from './api.ts'
import type { JetStreamReceipt } from './contract.ts'
import { Courier } from './courier.ts'
import type { Link } from './link.ts'
import { Sending, type SendingOwner } from './sending.ts'

export interface PublishSettings {
  readonly deadlineMs: number
  readonly resendAfterMs: number
  readonly windowMessages: number
  readonly windowBytes: number
  readonly waitingBytes: number
}

/** What a stream answers. */
interface PubAck {
  readonly stream: string
  readonly seq: number
  readonly duplicate?: boolean
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description: string }
}

/** How soon a message is sent again when the server cannot take it at this moment. */
const retryMs = 250

/**
 * Sends messages until their stream has acknowledged them. At most a window of them is with the server; the others wait
 * for their turn, in order, so that a publisher which awaits is slowed down.
 */
export class Publisher implements SendingOwner {
  readonly books: TransportBooks = new TransportBooks()
  readonly #link: Link
  readonly #api: JetStreamApi
  readonly #wire: Wire
  readonly #settings: PublishSettings
  readonly #gate: PublishGate
  readonly #courier: Courier<Sending>
  /** Not with the server: they wait for room, for the server, or for a consumer that is being made. */
  #line: Sending[] = []
  #head = 0
  #waitingBytes = 0
  #windowBytes = 0
  #windowMessages = 0
  #holds = 0
  #cancelSweep: (() => void) | undefined
  readonly #idPrefix = `${globalThis.crypto.randomUUID()}-`
  #ids = 0
  /** Topics that somebody is being asked about. */
  readonly #doubtful = new Map<string, Promise<boolean>>()
  #ended: Error | undefined

  constructor(
    api: JetStreamApi,
    wire: Wire,
    schemas: Readonly<Record<string, PayloadSchema>> | undefined,
    settings: PublishSettings,
  ) {
    this.#api = api
    this.#link = api.link
    this.#wire = wire
    this.#settings = settings
    this.#gate = new PublishGate(schemas)
    this.#courier = new Courier(api.link, settings.resendAfterMs)
    api.link.add(this)
  }

  publish(topic: string, payload: unknown, options?: PublishOptions): Promise<JetStreamReceipt> {
    return this.#gate.pass(topic, payload, options, (valid) => this.#send(topic, valid, options))
  }

  /** Sends nothing new until the promise settles: what is published after a subscription was made must reach it. */
  hold(until: Promise<unknown>): void {
    this.#holds++
    const over = (): void => {
      this.#holds--
      this.#pump()
    }
    until.then(over, over)
  }

  /** The connection is back, and what was with the server has been sent again. */
  up(): void {
    this.#pump()
  }

  /** The connection has ended: nothing will be sent any more. */
  closed(): void {
    for (const sending of this.#takeLine()) this.expired(sending)
  }

  /** Takes nothing new. */
  refuse(): void {
    this.#gate.close()
  }

  /** Resolves when everything that has been published is settled; it is by the deadlines. */
  async settled(): Promise<void> {
    const open = [...this.#courier.open, ...this.#line.slice(this.#head)]
    await Promise.all(open.map((sending) => sending.settled()))
  }

  /** Gives up what is not settled. Idempotent. */
  close(): void {
    this.refuse()
    this.#ended ??= new BrokerClosedError('publish')
    this.#link.remove(this)
    this.closed()
    this.#courier.close()
    this.#cancelSweep?.()
    this.#cancelSweep = undefined
  }

  answered(sending: Sending, answer: Msg): boolean {
    if (answer.data.length === 0 && answer.headers?.code === 503) {
      void this.#noAnswerer(sending) // cannot reject
      return false
    }
    const ack = answer.json<PubAck>()
    if (ack.error !== undefined) {
      if (ack.error.err_code === notAvailable) {
        sending.resendAt = this.#link.clock.now() + retryMs
        return false
      }
      const cause = Object.assign(new Error(ack.error.description), ack.error)
      this.#settle(sending, 'failed')
      sending.reject(new PublishRejectedError(sending.subject, ack.error.description, { cause }))
      return true
    }
    const { duplicate = false, seq, stream } = ack
    if (typeof stream !== 'string') {
      this.#settle(sending, 'failed')
      sending.reject(
        new PublishRejectedError(sending.subject, 'it was answered by something that is no stream'),
      )
      return true
    }
    this.#settle(sending, 'confirmed')
    sending.resolve({ level: 'written', routed: true, stream, offset: seq - 1, seq, duplicate })
    return true
  }

  expired(sending: Sending): void {
    const cause = this.#ended === undefined ? {} : { cause: this.#ended }
    const waitedMs = this.#settings.deadlineMs - Math.max(0, sending.deadlineAt - this.#link.clock.now())
    const { subject } = sending
    if (sending.tries > 0) {
      this.#settle(sending, 'unknown')
      sending.reject(new PublishUnconfirmedError(subject, waitedMs, cause))
      return
    }
    this.#settle(sending, 'failed')
    const why = this.#link.up
      ? `others have waited for the server for ${Math.round(waitedMs)} ms`
      : `there was no server for ${Math.round(waitedMs)} ms`
    sending.reject(this.#ended ?? new DisconnectedError(subject, why))
  }

  refused(sending: Sending, error: unknown): void {
    const limit = this.#link.connection.info?.max_payload ?? 0
    this.#settle(sending, sending.tries > 0 ? 'unknown' : 'failed')
    sending.reject(publishError(sending.subject, error, sending.size, limit))
  }

  /** Its publisher does not want to wait any more. */
  abandon(sending: Sending, reason: unknown): void {
    const place = this.#line.indexOf(sending, this.#head)
    if (place >= 0) this.#line.splice(place, 1)
    else this.#courier.drop(sending)
    this.#settle(sending, sending.tries > 0 ? 'unknown' : 'failed')
    sending.reject(reason)
  }

  #send(topic: string, payload: unknown, options: PublishOptions | undefined): Promise<JetStreamReceipt> {
    if (topic.startsWith('$'))
      throw new InvalidTopicError(
        topic,
        0,
        'topics that begin with a dollar sign are commands to the server.',
      )
    const { bytes, contentType } = this.#wire.encode(payload, topic)
    const id = options?.id ?? this.#idPrefix + (this.#ids++).toString(36)
    const headers = toNatsHeaders({ headers: options?.headers, id, contentType })
    const size = bytes.length + (headers === undefined ? 0 : headerBytes(headers))
    const limit = this.#link.connection.info?.max_payload
    if (limit !== undefined && size > limit) throw new MessageTooLargeError(topic, size, limit)
    if (this.#link.over) throw new DisconnectedError(topic, 'its connection is closed')
    const { deadlineMs, waitingBytes } = this.#settings
    const mustWait = !this.#mayGo(size)
    if (mustWait && this.#waitingBytes + size > waitingBytes)
      throw new PublishOverloadedError(topic, waitingBytes)
    const sending = new Sending(this, { topic, bytes, headers, size }, this.#link.clock.now() + deadlineMs)
    if (options?.signal !== undefined) sending.watch(options.signal)
    this.books.send()
    if (mustWait) this.#wait(sending)
    else this.#go(sending)
    return sending.promise
  }

  #mayGo(size: number): boolean {
    return this.#head === this.#line.length && this.#isRoomFor(size)
  }

  #isRoomFor(size: number): boolean {
    if (!this.#link.up || this.#holds > 0) return false
    if (this.#windowMessages === 0) return true // however large it is
    const { windowBytes, windowMessages } = this.#settings
    return this.#windowMessages < windowMessages && this.#windowBytes + size <= windowBytes
  }

  #go(sending: Sending): void {
    this.#windowBytes += sending.size
    this.#windowMessages++
    sending.place = 'window'
    this.#courier.send(sending)
  }

  #wait(sending: Sending): void {
    this.#line.push(sending)
    this.#waitingBytes += sending.size
    this.#arm()
  }

  #pump(): void {
    for (let next = this.#line[this.#head]; next !== undefined; next = this.#line[this.#head]) {
      if (!this.#isRoomFor(next.size)) break
      this.#head++
      this.#waitingBytes -= next.size
      this.#go(next)
    }
    if (this.#head === 0 || (this.#head < this.#line.length && this.#head < 1024)) return
    this.#line = this.#line.slice(this.#head)
    this.#head = 0
  }

  #takeLine(): readonly Sending[] {
    const line = this.#line.slice(this.#head)
    this.#line = []
    this.#head = 0
    return line
  }

  /** Those that wait have their deadlines too; they come in the order of the line. */
  #arm(): void {
    const first = this.#line[this.#head]
    if (first === undefined || this.#cancelSweep !== undefined) return
    const inMs = Math.max(0, first.deadlineAt - this.#link.clock.now())
    this.#cancelSweep = this.#link.clock.schedule(() => this.#sweep(), inMs)
  }

  #sweep(): void {
    this.#cancelSweep = undefined
    const now = this.#link.clock.now()
    for (let next = this.#line[this.#head]; next !== undefined; next = this.#line[this.#head]) {
      if (next.deadlineAt > now) break
      this.#head++
      this.expired(next)
    }
    this.#arm()
  }

  /** Nobody answers for its subject: there is no stream, or the server is not ready. The server says both the same way. */
  async #noAnswerer(sending: Sending): Promise<void> {
    const { subject } = sending
    let asked = this.#doubtful.get(subject)
    if (asked === undefined) {
      asked = this.#api.keeps(subject).catch(() => true) // nobody to ask: it is the server that is not ready
      this.#doubtful.set(subject, asked)
      void asked.then(() => this.#doubtful.delete(subject))
    }
    sending.resendAt = Number.POSITIVE_INFINITY
    if (await asked) {
      sending.resendAt = this.#link.clock.now() + retryMs
      return
    }
    if (sending.place === 'settled') return
    this.#courier.drop(sending)
    this.#settle(sending, 'failed')
    sending.reject(new PublishRejectedError(subject, 'no stream keeps this topic'))
  }

  #settle(sending: Sending, fate: Fate): void {
    invariant(sending.place !== 'settled', 'a message is settled once')
    if (sending.place === 'line') {
      this.#waitingBytes -= sending.size
    } else {
      this.#windowBytes -= sending.size
      this.#windowMessages--
    }
    sending.place = 'settled'
    this.books.settle(fate)
    this.#pump()
  }
}
