import type { Msg } from '@nats-io/nats-core'
import { Bell } from '../../core/bell.ts'
import type { Clock } from '../../core/clock.ts'
import type { SpillwayError } from '../../core/errors.ts'
import type { RecordSource } from '../../log/record-source.ts'
import { ackInfo } from './ack-info.ts'
import { Deadlines } from './deadlines.ts'
import type { Outcome } from './group-books.ts'
import { type DeliveryOwner, GroupDelivery } from './group-delivery.ts'
import type { FeedListener, GroupFeed } from './group-feed.ts'
import type { LinkListener } from './link.ts'
import type { MemberParts, MemberSettings } from './member-parts.ts'
import { nakAfter, Settlement, words } from './settlement.ts'
import { Waiting } from './waiting.ts'

/**
 * A member of a group: asks the server for as many messages as are asked of it, keeps those that wait here from being
 * delivered elsewhere, and knows when a delivery is too late to be settled.
 */
export class GroupMember implements RecordSource, FeedListener, DeliveryOwner, LinkListener {
  failure: SpillwayError | undefined
  /** Called when everything it had is settled and it takes nothing more. */
  ended: (() => void) | undefined
  /** Called when it closes. */
  left: (() => void) | undefined
  readonly #parts: MemberParts
  readonly #clock: Clock
  readonly #settings: MemberSettings
  readonly #bell = new Bell()
  readonly #waiting = new Waiting()
  #feeds: readonly GroupFeed[] = []
  /** How many messages somebody waits for. */
  #wish = 0
  #inHand = 0
  #stopped = false
  #closed = false
  readonly #deadlines: Deadlines

  constructor(parts: MemberParts, settings: MemberSettings) {
    this.#parts = parts
    this.#clock = parts.link.clock
    this.#settings = settings
    this.#deadlines = new Deadlines(this.#clock, {
      open: () => this.#open(),
      due: (delivery, now) => this.#keep(delivery, now),
      late: (delivery, now) => {
        // A deadline of its own may be shorter than that of the server.
        if (delivery.serverDueAt > now) this.#tell(delivery, words.nak)
        this.#over(delivery, 'expired')
      },
    })
    parts.link.add(this)
  }

  /** The consumers it reads. */
  attach(feeds: readonly GroupFeed[]): void {
    this.#feeds = feeds
  }

  get feeds(): readonly GroupFeed[] {
    return this.#feeds
  }

  get pending(): number {
    return this.#waiting.size
  }

  get exhausted(): boolean {
    return this.#stopped && this.#feeds.every(({ open }) => open.size === 0)
  }

  take(): GroupDelivery | undefined {
    const delivery = this.#next()
    if (delivery === undefined) this.#want(Math.max(1, this.#settings.concurrency - this.#inHand))
    return delivery
  }

  takeBatch(max: number): readonly GroupDelivery[] {
    const batch: GroupDelivery[] = []
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      batch.push(next)
      if (batch.length === max) break
    }
    if (batch.length === 0) this.#want(max)
    return batch
  }

  wait(): Promise<void> {
    const waited = this.#bell.wait()
    const atHand = this.#waiting.free > 0 && !this.#stopped
    if (atHand || this.#closed || this.failure !== undefined || this.exhausted) this.#bell.ringAll()
    return waited
  }

  wake(): void {
    this.#bell.ringAll()
  }

  /** Takes nothing new and gives back what nobody has taken; what is in hand may still be settled. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    for (const feed of this.#feeds) feed.close()
    for (const delivery of this.#waiting.clear()) {
      this.#tell(delivery, words.nak)
      this.#forget(delivery)
    }
  }

  close(): void {
    if (this.#closed) return
    this.stop()
    this.#closed = true
    this.left?.()
    this.#parts.link.remove(this)
    this.#deadlines.close()
    // What is being settled is confirmed without this member.
    for (const delivery of this.#open()) {
      if (delivery.state !== 'in-hand') continue
      this.#tell(delivery, words.nak)
      this.#over(delivery, 'returned')
    }
  }

  up(): void {
    for (const feed of this.#feeds) feed.up()
  }

  closed(): void {
    for (const feed of this.#feeds) feed.fail(new Error('the connection has ended'))
  }

  arrived(feed: GroupFeed, msg: Msg): void {
    const delivery = new GroupDelivery(this, feed, msg, ackInfo(msg.reply ?? ''), this.#parts.wire)
    if (this.#stopped) return this.#tell(delivery, words.nak)
    const earlier = feed.open.get(delivery.seq)
    if (earlier !== undefined) this.#overtaken(earlier)
    feed.open.set(delivery.seq, delivery)
    delivery.serverDueAt = this.#clock.now() + feed.ackDeadlineMs
    delivery.orderingKey = this.#keyOf(delivery)
    this.#waiting.push(delivery)
    this.#deadlines.watch(delivery)
    this.#bell.ringAll()
  }

  ready(): void {
    this.#refill()
  }

  lost(feed: GroupFeed): void {
    for (const delivery of [...feed.open.values()]) {
      if (delivery.state === 'waiting') this.#discard(delivery)
      else this.#over(delivery, 'returned')
    }
    this.#parts.gone(feed.stream)
  }

  overtaken(feed: GroupFeed, messages: number): void {
    this.#parts.overtaken(feed.stream, messages)
  }

  failed(error: SpillwayError): void {
    this.failure ??= error
    this.#bell.ringAll()
    this.ended?.()
  }

  settle(delivery: GroupDelivery, outcome: 'acked' | 'nacked', delayMs: number): Promise<boolean> {
    if (!this.#isOpen(delivery)) return Promise.resolve(false)
    delivery.state = 'settling'
    this.#inHand--
    const bytes = outcome === 'acked' ? words.ack : nakAfter(delayMs)
    const settlement = new Settlement(delivery.reply, bytes, delivery.deadline, (confirmed) => {
      if (delivery.state !== 'settling') return false
      this.#over(delivery, confirmed ? outcome : 'expired')
      return confirmed
    })
    this.#parts.courier.send(settlement)
    // Its key is free as soon as nobody works on it.
    if (this.#waiting.release(delivery.orderingKey)) this.#bell.ringAll()
    return settlement.confirmed
  }

  extend(delivery: GroupDelivery, ms: number | undefined): Promise<boolean> {
    if (!this.#isOpen(delivery)) return Promise.resolve(false)
    const { ackDeadlineMs } = delivery.feed
    const since = this.#clock.now()
    const settlement = new Settlement(delivery.reply, words.working, delivery.deadline, (confirmed) => {
      if (!confirmed || delivery.state !== 'in-hand') return false
      delivery.serverDueAt = since + ackDeadlineMs
      delivery.deadline = since + (ms ?? ackDeadlineMs)
      this.#deadlines.watch(delivery)
      return true
    })
    this.#parts.courier.send(settlement)
    return settlement.confirmed
  }

  #next(): GroupDelivery | undefined {
    if (this.#stopped) return undefined
    const now = this.#clock.now()
    for (let delivery = this.#waiting.shift(); delivery !== undefined; delivery = this.#waiting.shift()) {
      if (delivery.serverDueAt <= now) {
        this.#waiting.release(delivery.orderingKey)
        this.#forget(delivery) // the server could not be told that it waits here: it comes again
        continue
      }
      const { ackDeadlineMs } = delivery.feed
      // Whoever takes it has the whole deadline, however long it has waited.
      if (delivery.serverDueAt - now < ackDeadlineMs * 0.9) this.#keep(delivery, now)
      delivery.deadline = delivery.serverDueAt
      delivery.state = 'in-hand'
      this.#inHand++
      this.#parts.books.deliver()
      this.#wish = 0
      this.#refill()
      return delivery
    }
    return undefined
  }

  /** Somebody waits for so many. */
  #want(messages: number): void {
    if (this.#stopped) return
    this.#wish = messages
    this.#refill()
  }

  /** What is wanted and not on its way is asked for; what may wait here is asked for in halves. */
  #refill(): void {
    if (this.#stopped) return
    const { prefetch } = this.#settings
    if (this.#wish === 0 && prefetch === 0) return
    const held = this.#waiting.free
    const blocked = this.#waiting.size - held
    if (blocked >= mostBlocked) return
    for (const feed of this.#feeds) {
      const coming = held + feed.asked
      if (coming < this.#wish || coming <= prefetch >> 1) feed.ask(Math.max(this.#wish, prefetch) - coming)
    }
  }

  /** What it was given and has not ended. */
  #open(): readonly GroupDelivery[] {
    return this.#feeds.flatMap(({ open }) => [...open.values()])
  }

  /** The server has given it to somebody again, here: it was too late. */
  #overtaken(earlier: GroupDelivery): void {
    if (earlier.state === 'waiting') this.#discard(earlier)
    else this.#over(earlier, 'expired')
  }

  #isOpen(delivery: GroupDelivery): boolean {
    if (delivery.state !== 'in-hand') return false
    if (this.#clock.now() < delivery.deadline) return true
    this.#over(delivery, 'expired')
    return false
  }

  /** Ends a delivery that somebody has, or had. */
  #over(delivery: GroupDelivery, outcome: Outcome): void {
    if (delivery.state === 'in-hand') {
      this.#inHand--
      this.#waiting.release(delivery.orderingKey)
    }
    this.#forget(delivery)
    this.#parts.books.settle(outcome)
    if (this.#closed) return
    this.#bell.ringAll()
    if (this.exhausted) this.ended?.()
  }

  #discard(delivery: GroupDelivery): void {
    this.#waiting.remove(delivery)
    this.#forget(delivery)
  }

  #forget(delivery: GroupDelivery): void {
    delivery.state = 'over'
    const { open } = delivery.feed
    if (open.get(delivery.seq) === delivery) open.delete(delivery.seq)
  }

  #keyOf(delivery: GroupDelivery): string | undefined {
    try {
      return this.#settings.orderingKey?.(delivery)
    } catch (error) {
      this.#parts.keyFailed(error)
      return undefined
    }
  }

  /** Tells the server that it is being worked on. */
  #keep(delivery: GroupDelivery, now: number): void {
    if (!this.#parts.link.up) return
    this.#tell(delivery, words.working)
    delivery.serverDueAt = now + delivery.feed.ackDeadlineMs
  }

  /** Says something that needs no answer: when it is lost, the deadline of the server does the same, later. */
  #tell(delivery: GroupDelivery, word: Uint8Array): void {
    const { link } = this.#parts
    if (link.up && !link.over) link.connection.publish(delivery.reply, word)
  }
}

/** How many messages may wait for keys that are in hand, while others are asked for. */
const mostBlocked = 64
