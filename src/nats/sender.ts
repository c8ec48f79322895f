import type { MsgHdrs } from '@nats-io/nats-core'
import { type Clock, systemClock } from '../core/clock.ts'
import type { Receipt } from '../core/contract.ts'
import { BrokerClosedError } from '../core/errors.ts'
import type { TransportCounts } from '../core/ledger.ts'
import {
  DisconnectedError,
  MessageTooLargeError,
  PublishOverloadedError,
  PublishUnconfirmedError,
} from '../remote/errors.ts'
import { TransportBooks } from '../remote/transport-books.ts'
import type { ConnectionWatch } from './connection-watch.ts'
import type { OutageLimits } from './contract.ts'
import { publishError } from './errors.ts'
import { headerBytes } from './headers.ts'
import { Outage, type Parcel } from './outage.ts'
import { accepted, Room } from './room.ts'

/** A mark is set at the latest after so many bytes, or so long after a message. */
const bytesPerMark = 256 * 1024
const markAfterMs = 50
/** What a message costs on the wire besides its topic, headers and body, about. */
const overhead = 16
/** Publishes wait from this part of the limit on. */
const waitingPart = 1 / 8

/**
 * Hands messages to the client and knows what the server has read of them. The client itself has neither limit nor memory:
 * it takes what it is given also while it is disconnected, throws it away at the next dial, and says nothing. So nothing
 * is handed over while the server is away, and now and then a mark is set: a PING, whose PONG says that the server has read
 * everything before it. What lies behind the last answered mark when the connection is lost may be lost as well.
 */
export class Sender {
  readonly #watch: ConnectionWatch
  readonly #clock: Clock
  readonly #limit: number
  readonly #outage: Outage | undefined
  readonly #books = new TransportBooks()
  readonly #room = new Room()
  /** How far each has come, in messages and in bytes, of all that was ever handed over. */
  #handed = 0
  #handedBytes = 0
  #markedBytes = 0
  #read = 0
  #readBytes = 0
  /** Connections lost so far: what a mark of an earlier one says is of no interest. */
  #losses = 0
  #armed = false
  #largest = Number.POSITIVE_INFINITY
  #ended = false
  readonly #returns = new Set<() => void>()

  /** Without limits on an outage, what is published then is refused. */
  constructor(
    watch: ConnectionWatch,
    clock: Clock,
    limit: number,
    outage: Required<OutageLimits> | undefined,
  ) {
    this.#watch = watch
    this.#clock = clock
    this.#limit = limit
    this.#outage = outage === undefined ? undefined : new Outage(outage, clock, this.#books)
    this.#learn()
  }

  /** Never throws. The bytes must not be written to before the end of the turn. */
  send(
    topic: string,
    bytes: Uint8Array,
    headers: MsgHdrs | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Receipt> {
    const size = headers === undefined ? bytes.length : bytes.length + headerBytes(headers)
    if (size > this.#largest) return Promise.reject(new MessageTooLargeError(topic, size, this.#largest))
    if (this.#watch.up) return this.#hand(topic, bytes, headers, size, signal)
    return this.#keep({ topic, bytes, headers, size }, signal)
  }

  /** The connection is lost. Returns how many messages may be lost with it. */
  down(): number {
    const lost = this.#handed - this.#read
    this.#losses++
    this.#books.settle('unknown', lost)
    this.#read = this.#handed
    this.#readBytes = this.#markedBytes = this.#handedBytes
    this.#room.dismiss(this.#unconfirmed)
    return lost
  }

  /** The connection is back. */
  up(): void {
    this.#learn()
    this.#outage?.release((parcel) => this.#handKept(parcel))
    this.#return()
  }

  /** The connection has ended for good. Returns how many messages may be lost with it. */
  connectionEnded(): number {
    const lost = this.down()
    this.#outage?.end((topic) => new DisconnectedError(topic, 'its connection is closed'))
    this.#return()
    return lost
  }

  /** Resolves when the server has read everything so far; see `NatsBroker.flush`. */
  async flush(timeoutMs: number): Promise<void> {
    const since = this.#clock.now()
    const before = this.counts.unknown
    let late = noop
    const deadline = new Promise<never>((_, reject) => {
      late = () => reject(this.#unconfirmed('>', since))
    })
    const cancel = this.#clock.schedule(() => late(), timeoutMs)
    try {
      while (!(await Promise.race([this.#reach(), deadline])));
    } finally {
      cancel()
    }
    if (this.counts.unknown > before) throw this.#unconfirmed('>', since)
  }

  /** Sends nothing more, and waits at most `timeoutMs` to hear what has become of what was sent. */
  async end(timeoutMs: number): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#outage?.end(() => new BrokerClosedError('publish'))
    if (this.#handed > this.#read && this.#watch.up) await this.flush(timeoutMs).catch(noop)
    this.down()
    this.#return()
  }

  get counts(): TransportCounts {
    return this.#books.counts
  }

  #hand(
    topic: string,
    bytes: Uint8Array,
    headers: MsgHdrs | undefined,
    size: number,
    signal: AbortSignal | undefined,
    kept = false,
  ): Promise<Receipt> {
    const unread = this.#handedBytes - this.#readBytes
    const cost = size + topic.length + overhead
    if (unread > 0 && unread + cost > this.#limit)
      return Promise.reject(new PublishOverloadedError(topic, this.#limit))
    try {
      const { connection } = this.#watch
      if (headers === undefined) connection.publish(topic, bytes)
      else connection.publish(topic, bytes, { headers })
    } catch (error) {
      return Promise.reject(publishError(topic, error, size, this.#largest))
    }
    if (!kept) this.#books.send()
    this.#handed++
    this.#handedBytes += cost
    if (this.#handedBytes - this.#markedBytes >= bytesPerMark) this.#mark()
    else if (!this.#armed) this.#arm()
    const limit = this.#limit * waitingPart
    if (unread + cost <= limit) return accepted
    const position = this.#handedBytes - limit
    if (this.#markedBytes < position) this.#mark() // or nothing would ever say that the server has come so far
    return this.#room.wait(topic, position, this.#clock.now(), signal)
  }

  #handKept({ bytes, headers, size, topic }: Parcel): Promise<Receipt> {
    const before = this.#handed
    const receipt = this.#hand(topic, bytes, headers, size, undefined, true)
    if (this.#handed === before) this.#books.settle('failed')
    return receipt
  }

  #keep(parcel: Parcel, signal: AbortSignal | undefined): Promise<Receipt> {
    const closed = this.#watch.health().state === 'closed'
    if (this.#outage !== undefined && !closed) return this.#outage.keep(parcel, signal)
    const why = closed ? 'its connection is closed' : 'the server is away and nothing is buffered'
    return Promise.reject(new DisconnectedError(parcel.topic, why))
  }

  #mark(): void {
    const [handed, bytes, losses] = [this.#handed, this.#handedBytes, this.#losses]
    this.#markedBytes = bytes
    this.#watch.connection.flush().then(() => {
      if (losses === this.#losses) this.#confirm(handed, bytes)
    }, noop) // `down` counts what it stands for
  }

  #confirm(handed: number, bytes: number): void {
    this.#books.settle('confirmed', handed - this.#read)
    this.#read = handed
    this.#readBytes = bytes
    this.#room.admit(bytes)
  }

  #arm(): void {
    this.#armed = true
    const mark = (): void => {
      this.#armed = false
      if (this.#handedBytes > this.#markedBytes) this.#mark()
    }
    this.#clock.schedule(mark, markAfterMs, true)
  }

  /** True when the server has answered a PING sent now; false when it was lost on the way. */
  async #reach(): Promise<boolean> {
    if (this.#ended && !this.#watch.up) return true
    if (this.#watch.health().state === 'closed') throw new DisconnectedError('>', 'its connection is closed')
    if (!this.#watch.up) {
      await new Promise<void>((resolve) => this.#returns.add(resolve))
      return false
    }
    const [handed, bytes, losses] = [this.#handed, this.#handedBytes, this.#losses]
    try {
      await this.#watch.connection.flush()
    } catch {
      // The client says so before it says that the connection is lost.
      if (this.#watch.up) await new Promise<void>((resolve) => systemClock.schedule(resolve, 1))
      return false
    }
    if (losses === this.#losses && handed > this.#read) this.#confirm(handed, bytes)
    return losses === this.#losses
  }

  #return(): void {
    for (const resolve of this.#returns) resolve()
    this.#returns.clear()
  }

  #learn(): void {
    this.#largest = this.#watch.connection.info?.max_payload ?? this.#largest
  }

  readonly #unconfirmed = (topic: string, since: number): PublishUnconfirmedError =>
    new PublishUnconfirmedError(topic, this.#clock.now() - since)
}

function noop(): void {}
