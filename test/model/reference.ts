import { dropReasons, type DropReason, type MemoryPolicy } from '../../src/index.ts'

/**
 * The broker as one would explain it on a blackboard: every mailbox is an array, every copy is decided at once, and
 * nothing is fast. The model test holds the real broker against it after every step.
 */
export interface Item {
  readonly number: number
  readonly key: number
}

/** One publish and what has become of it. */
export interface ModelPublish {
  readonly item: Item
  readonly insistMs: number | undefined
  undecided: number
  stalled: number
  refused: number
  lost: boolean
}

export type Outcome =
  | 'pending'
  | 'resolved'
  | 'PublishTimeoutError'
  | 'MailboxFullError'
  | 'BrokerClosedError'

export function outcomeOf(publish: ModelPublish): Outcome {
  if (publish.undecided > 0) return 'pending'
  if (publish.lost) return 'BrokerClosedError'
  if (publish.stalled > 0) return 'PublishTimeoutError'
  return publish.refused > 0 ? 'MailboxFullError' : 'resolved'
}

interface Waiting {
  readonly item: Item
  readonly publish: ModelPublish
  readonly deadline: number
}

export interface Counts {
  routed: number
  delivered: number
  pending: number
  waiting: number
  dropped: Record<DropReason, number>
}

export const blockTimeoutMs = 50

export class ModelMailbox {
  readonly policy: MemoryPolicy
  readonly capacity: number
  pending: Item[] = []
  waiting: Waiting[] = []
  routed = 0
  delivered = 0
  /** Takes nothing new. */
  stopped = false
  ended = false
  /** When a drain gives up. */
  drainDeadline: number = Number.POSITIVE_INFINITY
  readonly dropped: Record<DropReason, number>

  constructor(policy: MemoryPolicy, capacity: number) {
    this.policy = policy
    this.capacity = capacity
    this.dropped = Object.fromEntries(dropReasons.map((reason) => [reason, 0])) as Record<DropReason, number>
  }

  offer(item: Item, publish: ModelPublish, now: number): void {
    if (this.#supersede(item)) return
    if (this.pending.length < this.capacity && this.waiting.length === 0) {
      this.pending.push(item)
    } else if (publish.insistMs !== undefined) {
      this.#wait(item, publish, now + publish.insistMs)
    } else {
      this.#overflow(item, publish, now)
    }
  }

  take(): Item | undefined {
    const item = this.pending.shift()
    if (item === undefined) return undefined
    this.delivered++
    while (this.waiting.length > 0 && this.pending.length < this.capacity) this.#admit()
    return item
  }

  expire(now: number): void {
    for (const waiting of this.waiting.filter((one) => one.deadline <= now)) {
      this.waiting.splice(this.waiting.indexOf(waiting), 1)
      this.dropped.timeout++
      waiting.publish.stalled++
      waiting.publish.undecided--
    }
  }

  end(reason: 'closed' | 'disconnected', brokerEnds = false): void {
    if (this.ended) return
    this.ended = true
    this.stopped = true
    this.dropped[reason] += this.pending.length + this.waiting.length
    for (const { publish } of this.waiting) {
      publish.undecided--
      if (brokerEnds) publish.lost = true
    }
    this.pending = []
    this.waiting = []
  }

  counts(): Counts {
    const { routed, delivered, dropped, pending, waiting } = this
    return { routed, delivered, dropped: { ...dropped }, pending: pending.length, waiting: waiting.length }
  }

  #overflow(item: Item, publish: ModelPublish, now: number): void {
    switch (this.policy) {
      case 'drop-newest':
        this.dropped['buffer-full']++
        return
      case 'drop-oldest':
      case 'latest':
        while (this.waiting.length > 0) this.#admit()
        this.#place(item)
        return
      case 'block':
        this.#wait(item, publish, now + blockTimeoutMs)
        return
      case 'fail':
        this.dropped.refused++
        publish.refused++
        return
      case 'disconnect':
        this.dropped.disconnected++
        this.end('disconnected')
    }
  }

  #wait(item: Item, publish: ModelPublish, deadline: number): void {
    publish.undecided++
    this.waiting.push({ item, publish, deadline })
  }

  #supersede(item: Item): boolean {
    const same = this.policy === 'latest' ? this.pending.findIndex((other) => other.key === item.key) : -1
    if (same < 0) return false
    this.pending[same] = item
    this.dropped.superseded++
    return true
  }

  #place(item: Item): void {
    if (this.#supersede(item)) return
    this.#evict()
    this.pending.push(item)
  }

  #evict(): void {
    while (this.pending.length >= this.capacity) {
      this.pending.shift()
      this.dropped['evicted-oldest']++
    }
  }

  #admit(): void {
    const next = this.waiting.shift()
    if (next === undefined) return
    this.#place(next.item)
    next.publish.undecided--
  }
}

/** What takes from a mailbox. `held` handlers return promises that the test settles. */
export type ConsumerKind = 'reader' | 'sync' | 'queued' | 'held'

/** A subscription alone, or a whole queue group, with everything that takes from its mailbox. */
export class ModelConsumer {
  readonly kind: ConsumerKind
  readonly mailbox: ModelMailbox
  /** How many calls of held handlers may be open; how many handlers of other kinds there are. */
  slots: number
  active = 0
  /** Calls of `next()` that have found nothing. */
  parked = 0

  constructor(kind: ConsumerKind, mailbox: ModelMailbox, slots: number) {
    this.kind = kind
    this.mailbox = mailbox
    this.slots = slots
  }

  receive(item: Item, publish: ModelPublish, now: number): void {
    const { mailbox } = this
    mailbox.routed++
    const idle = this.kind === 'sync' || (this.kind === 'held' && this.active < this.slots)
    if (idle && this.slots > 0 && mailbox.pending.length + mailbox.waiting.length === 0) {
      mailbox.delivered++
      if (this.kind === 'held') this.active++
    } else {
      mailbox.offer(item, publish, now)
    }
  }

  /** What happens when the current turn is over. */
  settle(): void {
    const { mailbox } = this
    if (this.kind === 'queued' || this.kind === 'sync') {
      while (this.slots > 0 && mailbox.take() !== undefined);
    }
    while (this.kind === 'held' && this.active < this.slots && mailbox.take() !== undefined) this.active++
    while (this.parked > 0 && (mailbox.take() !== undefined || mailbox.ended)) this.parked--
    const empty = mailbox.pending.length + mailbox.waiting.length + this.active === 0
    if (mailbox.stopped && empty) mailbox.end('closed')
  }
}
