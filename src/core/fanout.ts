import { type FedFanout, Feed } from './feed.ts'
import { canGather } from './cohort.ts'
import { canShare, CursorMailbox, type Carried } from './cursor-mailbox.ts'
import { CallList, type DirectConsumer } from './call-list.ts'
import type { Host, MailboxOwner } from './mailbox.ts'
import type { Message } from './message.ts'
import { PrivateMailbox } from './private-mailbox.ts'
import type { QueueGroup } from './queue-group.ts'
import { SharedRing } from './shared-ring.ts'

/** A subscription whose mailbox may change its form. */
export interface Reader extends MailboxOwner {
  moved(mailbox: CursorMailbox | PrivateMailbox): void
}

/** Bits of the state. The two commonest, only handlers and only readers that keep up, have paths of their own. */
const running = 1
const dirty = 2
const calls = 4
const fed = 8
const shared = 16

/**
 * Everything subscribed with one pattern. A publish goes, in this order, to
 *
 *     the shared ring      readers that keep up: one write for all of them
 *     private mailboxes    readers and queued handlers whose policy decides now
 *     handlers             idle ones, called inside publish
 *
 * so that user code runs last. A publish to the same pattern from inside such a handler does not overtake: every
 * handler of the pattern is made to queue first, and gets the nested message in a later microtask.
 */
export class Fanout implements FedFanout {
  readonly pattern: string
  readonly host: Host
  /** Messages published to this pattern so far: the position of the next one. */
  head = 0
  readonly groups: Map<string, QueueGroup> = new Map()
  /** The private mailboxes. */
  readonly feed: Feed
  #state = 0
  readonly #calls = new CallList()
  /** The message that has begun to fan out and has not been finished. */
  #begun: Message | undefined
  #ring: SharedRing | undefined
  #width = 0
  #copies = 0
  #copiesUpTo = 0

  constructor(pattern: string, host: Host) {
    this.pattern = pattern
    this.host = host
    this.feed = new Feed(this, host)
  }

  /** True while a message is being handed out. */
  get busy(): boolean {
    return (this.#state & running) !== 0
  }

  /** Copies made so far, counted independently of the mailboxes' own books. */
  get copies(): number {
    return this.#copies + (this.head - this.#copiesUpTo) * this.#width
  }

  /** Adds (1) or removes (-1) a mailbox from the count of copies. */
  widen(by: 1 | -1): void {
    this.#copies = this.copies
    this.#copiesUpTo = this.head
    this.#width += by
  }

  /** A mailbox gets no more copies. Without the last one the pattern is forgotten. */
  leave(): void {
    this.widen(-1)
    if (this.#width === 0) this.host.retire(this)
  }

  deliver(message: Message): void {
    if (this.#state === calls) {
      this.#state = calls | running
      this.head++
      this.#calls.run(message)
      if (this.#state === (calls | running)) this.#state = calls
      else this.#endRun()
    } else if (this.#state === shared && this.#ring !== undefined) {
      this.#ring.push(message)
      this.head++
      if (this.#state !== shared) this.#afterOverflow(message)
    } else {
      this.begin(message)
      this.finish(message)
    }
  }

  /** First half of a fan-out: into the mailboxes. What handlers there are now, get it in the second half. */
  begin(message: Message): void {
    if (this.busy) return this.#beginNested(message)
    if ((this.#state & dirty) !== 0) this.#compact()
    this.#state |= running
    this.#begun = message
    this.#calls.fix()
    this.#enqueue(message)
  }

  /** Second half: calls the handlers. A message that began nested has none: they queue. */
  finish(message: Message): void {
    if (this.#begun !== message) return
    this.#begun = undefined
    this.#calls.runFixed(message)
    this.#endRun()
  }

  hasQueues(): void {
    this.#state |= fed
  }

  /** Makes full mailboxes ready to be waited for: a publish that insists may pass none by. */
  insist(): void {
    this.feed.awakenAll()
    for (const cursor of [...(this.#ring?.cursors ?? [])]) {
      if (cursor.pending === cursor.capacity) this.#leaveRing(cursor)
    }
    this.#dropEmptyRing()
  }

  /** Somebody wants to hear of each drop: no mailbox may leave it to its reader's next look. */
  decideAtOnce(): void {
    this.feed.awakenAll()
    const ring = this.#ring
    for (const cursor of [...(ring?.cursors ?? [])]) this.#leaveRing(cursor)
    ring?.bell.ringAll() // readers that wait there shall wait at their new mailbox
    this.#dropEmptyRing()
  }

  /** Gives a reader the mailbox that its settings allow. */
  open(owner: Reader, carried?: Carried): CursorMailbox | PrivateMailbox {
    if (!canShare(owner.settings) || this.host.observers.dropped) {
      const mailbox = new PrivateMailbox(owner, this.host, this.feed, [], carried)
      if (this.#mayGather(owner)) this.feed.gather(mailbox)
      else this.feed.feed(mailbox)
      return mailbox
    }
    this.#ring ??= new SharedRing(this.head, (cursor) => this.#leaveRing(cursor))
    this.#state |= shared
    return new CursorMailbox(owner, this.#ring, carried)
  }

  /** A private mailbox is empty: it may go back to the ring, or to others like it. */
  share(mailbox: PrivateMailbox, owner: Reader): void {
    if (this.feed.offering) return // it may still be owed the message that is being offered
    if (this.#mayGather(owner)) return mailbox.alone ? this.feed.gather(mailbox) : undefined
    if (!canShare(owner.settings) || this.host.observers.dropped) return
    this.feed.unfeed(mailbox)
    owner.moved(this.open(owner, mailbox.carry()))
    mailbox.wake() // a concurrent next() may wait there
  }

  /** Takes a cursor out of the ring into a mailbox that is fed no longer. */
  detach(cursor: CursorMailbox): PrivateMailbox {
    const { messages, ...carried } = cursor.leave()
    this.#dropEmptyRing()
    return new PrivateMailbox(cursor.owner, this.host, this.feed, messages, carried)
  }

  addConsumer(consumer: DirectConsumer): void {
    this.#calls.add(consumer)
    this.#state |= calls
  }

  /** See `CallList` for this and the next three. */
  removeConsumer(consumer: DirectConsumer): void {
    this.#calls.remove(consumer)
    this.#state |= dirty
  }

  forfeit(consumer: DirectConsumer): void {
    this.#calls.forfeit(consumer)
  }

  direct(consumer: DirectConsumer): void {
    this.#calls.direct(consumer)
  }

  detour(consumer: DirectConsumer): void {
    this.#calls.detour(consumer)
  }

  /** Everything that has a mailbox, or would have one if a copy had to wait. */
  owners(): Set<MailboxOwner> {
    const owners = new Set<MailboxOwner>(this.#calls.consumers)
    for (const cursor of this.#ring?.cursors ?? []) owners.add(cursor.owner)
    for (const owner of this.feed.owners()) owners.add(owner)
    return owners
  }

  /** A handler or callback that this fan-out is running has published to the same pattern. */
  #beginNested(message: Message): void {
    this.feed.finishOffer()
    for (const consumer of this.#calls.consumers) consumer.queue()
    this.#enqueue(message)
  }

  #enqueue(message: Message): void {
    this.#ring?.push(message)
    this.head++
    this.#dropEmptyRing()
    if (!this.feed.idle) this.feed.offer(message)
  }

  #endRun(): void {
    this.#state &= dirty | calls | (this.#ring === undefined ? 0 : shared) | (this.feed.idle ? 0 : fed)
  }

  /** The message has found mailboxes full: they have left the ring and are offered it under their policy. */
  #afterOverflow(message: Message): void {
    this.#state |= running
    this.#dropEmptyRing()
    this.feed.offer(message)
    this.#endRun()
  }

  #compact(): void {
    this.#state &= this.#calls.compact() > 0 ? ~dirty : ~(dirty | calls)
  }

  #leaveRing(cursor: CursorMailbox): void {
    const { messages, ...carried } = cursor.leave()
    const owner = cursor.owner as Reader // only readers are given cursors
    const mailbox = new PrivateMailbox(owner, this.host, this.feed, messages, carried)
    owner.moved(mailbox)
    this.feed.feed(mailbox)
  }

  #mayGather({ settings }: Reader): boolean {
    return canGather(settings) && !this.host.observers.dropped
  }

  #dropEmptyRing(): void {
    if (this.#ring?.cursors.length === 0) this.#ring = undefined
  }
}
