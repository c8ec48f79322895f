import type { MemoryBroker, OverflowOptions, Subscription } from '../core/contract.ts'
import type { MailboxLedger } from '../core/ledger.ts'
import type { Message } from '../core/message.ts'
import type { PacedPublisher } from './paced-publisher.ts'
import type { CheckedSetting } from './setting.ts'
import type { Actor } from './timetable.ts'

/** What a paced publisher publishes. */
export interface Tick {
  /** Number of the publish, from 0. */
  readonly n: number
  /** When publish was called, by the clock of the run, in milliseconds. */
  readonly at: number
}

/** How long one message was under way, and when it arrived. */
export type AgeListener = (ageMs: number) => void

type TickOptions = OverflowOptions<Message<Tick>> & { readonly capacity: number; readonly group?: string }

/** Polls a mailbox at a steady rate; with several members, each in turn. */
export class PacedConsumer implements Actor {
  due: number
  /** When the mailbox was first seen full, in seconds; undefined if it never was. */
  fullSince: number | undefined
  readonly #members: readonly Subscription<Message<Tick>>[]
  readonly #perSecond: number
  readonly #room: number
  readonly #blocks: boolean
  readonly #now: () => number
  readonly #onAge: AgeListener
  #until: number
  #polls = 0
  #publisher: PacedPublisher | undefined

  constructor(
    broker: MemoryBroker<Record<string, Tick>>,
    topic: string,
    setting: CheckedSetting,
    now: () => number,
    onAge: AgeListener,
  ) {
    const { drainPerSecond, seconds, overflow, capacity, keys, members } = setting
    const group = members > 1 ? { group: overflow } : {}
    const options: TickOptions = { capacity, ...group, ...overflowOptions(overflow, keys) }
    this.#members = Array.from({ length: members }, () => broker.subscribe(topic, options))
    this.#perSecond = drainPerSecond
    this.#room = overflow === 'latest' ? Math.min(capacity, keys) : capacity
    this.#blocks = overflow === 'block'
    this.#now = now
    this.#onAge = onAge
    this.#until = seconds
    this.due = this.#plan()
  }

  get ledger(): MailboxLedger {
    return this.#first.ledger()
  }

  get pending(): number {
    return this.#first.pending
  }

  /** True while a publisher waits for this mailbox. */
  get hasWaiter(): boolean {
    return this.#blocks && this.pending >= this.#room && this.ledger.waiting > 0
  }

  /** Goes on polling until another time. */
  extend(seconds: number): void {
    this.#until = seconds
    this.due = this.#plan()
  }

  /** Tells `publisher` when a poll has made room for it. */
  releases(publisher: PacedPublisher): void {
    this.#publisher = publisher
  }

  /** Called before each publish. */
  look(seconds: number): void {
    if (this.fullSince === undefined && this.pending >= this.#room) this.fullSince = seconds
  }

  act(): Promise<void> | undefined {
    const at = this.due
    const member = this.#members[this.#polls % this.#members.length]
    this.#polls++
    this.due = this.#plan()
    const message = member?.poll()
    if (message !== undefined) this.#onAge(this.#now() - message.payload.at)
    return this.#publisher?.resume(at)
  }

  get #first(): Subscription<Message<Tick>> {
    return this.#members[0] as Subscription<Message<Tick>> // there is at least one
  }

  #plan(): number {
    const due = (this.#polls + 1) / this.#perSecond
    return due > this.#until ? Number.POSITIVE_INFINITY : due
  }
}

function overflowOptions(overflow: CheckedSetting['overflow'], keys: number): OverflowOptions<Message<Tick>> {
  if (overflow === 'latest') return { overflow, key: ({ payload }) => payload.n % keys }
  if (overflow === 'block') return { overflow, blockTimeoutMs: Number.POSITIVE_INFINITY }
  return { overflow }
}
