import { Doorbell } from './bell.ts'
import { Books } from './books.ts'
import type { DropReason } from './contract.ts'
import type { Cohort, Membership } from './cohort.ts'
import type { Carried } from './cursor-mailbox.ts'
import type { MailboxName } from './errors.ts'
import type { Feed } from './feed.ts'
import type { MailboxCounts } from './ledger.ts'
import type { Host, Mailbox, MailboxOwner } from './mailbox.ts'
import type { Message } from './message.ts'
import { PendingCopies } from './pending-copies.ts'
import type { MailboxSettings } from './settings.ts'
import { openCopies } from './spilling-copies.ts'
import type { Waiter, WaitingRoom } from './ticket.ts'
import { WaitingLine } from './waiting-line.ts'

/**
 * A mailbox with a buffer of its own. `offer` decides at once what becomes of a copy, as the table of overflow
 * policies says. A full mailbox of `drop-newest` or `fail` that nobody watches sleeps: the copies it loses are the
 * messages that pass by, so they are counted by position when it wakes.
 */
export class PrivateMailbox implements Mailbox, WaitingRoom {
  readonly owner: MailboxOwner
  /** Index in its feed's list, kept by the feed; -1 while it is not fed. */
  seat = -1
  /** Position behind the last message offered. */
  seen: number
  readonly #settings: MailboxSettings
  readonly #host: Host
  readonly #feed: Feed
  #copies: PendingCopies
  readonly #line: WaitingLine
  readonly #doorbell = new Doorbell()
  readonly #books: Books
  #cohort: Membership | undefined
  #whenEmpty: (() => void) | undefined

  constructor(owner: MailboxOwner, host: Host, feed: Feed, front: readonly Message[], carried?: Carried) {
    this.owner = owner
    this.#settings = owner.settings
    this.#host = host
    this.#feed = feed
    this.seen = feed.head
    this.#line = new WaitingLine(this, owner, host)
    this.#books = new Books(owner, host, feed, carried)
    this.#copies = openCopies(owner, host, front, this.#books.drops)
  }

  get name(): MailboxName {
    return this.owner.name
  }

  get pending(): number {
    return this.#copies.count
  }

  /** Copies whose publisher waits. */
  get waiting(): number {
    return this.#line.length
  }

  /** True while it keeps its copies by itself. */
  get alone(): boolean {
    return this.#cohort === undefined
  }

  /** True while it is full and counts what passes by position. */
  get asleep(): boolean {
    return this.#books.asleep
  }

  /** True when it is asleep and publishers must be told that it refuses. */
  get refuses(): boolean {
    return this.#books.asleep && this.#settings.overflow === 'fail'
  }

  /** Takes the copy, or does what the policy says. */
  offer(message: Message): void {
    this.seen = this.#feed.head
    const copies = this.#copies
    if (copies.plain) {
      if (copies.count < this.#settings.capacity && this.#line.length === 0) this.#accept(message)
      else this.#overflow(message)
      return
    }
    const reason = copies.impossible(message)
    if (reason !== undefined) {
      this.#refuseForEver(message, reason)
    } else if (!this.#supersede(message)) {
      if (copies.fits(message) && this.#line.length === 0) this.#accept(message)
      else this.#overflow(message)
    }
  }

  take(): Message | undefined {
    if (this.#cohort !== undefined) this.#takeAlone()
    const message = this.#copies.shift()
    if (message !== undefined) this.#afterTake()
    return message
  }

  takeBatch(max: number): readonly Message[] {
    if (this.#cohort !== undefined) this.#takeAlone()
    const messages = this.#copies.shiftMany(max)
    if (messages.length > 0) this.#afterTake()
    return messages
  }

  wait(): Promise<void> {
    return this.#doorbell.wait()
  }

  wake(): void {
    this.#doorbell.ringAll()
  }

  /** A woken reader has left without looking: another one shall look. */
  passOn(): void {
    if (this.pending > 0) this.#doorbell.ringOne()
  }

  giveUp(waiter: Waiter, reason: 'timeout' | 'aborted'): boolean {
    const { reports } = this.#host
    reports.hold()
    if (!this.#line.remove(waiter)) {
      reports.release()
      return false
    }
    this.#books.drops.drop(waiter.message, reason)
    this.#admitWaiters() // those behind it may be smaller
    if (this.pending + this.waiting === 0) this.#nowEmpty()
    reports.release()
    return true
  }

  /** Ends its sleep, because it was read or because a publish must not pass it by. */
  awaken(): void {
    if (!this.asleep) return
    this.#feed.awaken(this)
    this.#books.wake()
  }

  /** Keeps its copies, of which there are none, with others of its kind. */
  join(cohort: Cohort): void {
    this.#copies = cohort.copies
    this.#cohort = cohort.add(this)
  }

  /** Keeps its copies by itself from now on, and is fed by itself. */
  separate(): void {
    if (this.#cohort === undefined) return
    const { cohort, lost } = this.#cohort
    const { superseded, evicted } = lost()
    this.#cohort = undefined
    this.#books.drops.count('superseded', superseded)
    this.#books.drops.count('evicted-oldest', evicted)
    if (cohort.members.size > 1) this.#copies = this.#copies.clone()
    this.#feed.separate(this, cohort)
  }

  counts(): MailboxCounts {
    const shared = this.#cohort?.lost() ?? { superseded: 0, evicted: 0 }
    return this.#books.counts(this.pending + this.#underWay, this.waiting, shared, this.#copies.spill)
  }

  /** Its books, for the cursor that takes its place. */
  carry(): Carried {
    return this.#books.carry()
  }

  /** Is fed no longer. Fixes the position up to which messages were routed here; does nothing the second time. */
  stopFeeding(): void {
    if (this.#books.ended) return
    this.separate()
    const underWay = this.#underWay
    if (underWay > 0) this.#books.drops.count('closed', underWay)
    this.#feed.unfeed(this)
    this.#books.end()
  }

  /** Is fed no longer; `whenEmpty` runs when everything inside has been taken or given up. */
  detach(whenEmpty: () => void): void {
    this.stopFeeding()
    this.#whenEmpty = whenEmpty
    if (this.pending + this.waiting === 0) this.#nowEmpty()
  }

  /**
   * Ends it and returns its last counts, in which what it held is still pending or waiting. Publishers that wait are
   * released, or told when it was the whole broker that ended.
   */
  close(reason: 'closed' | 'disconnected', brokerEnds: boolean): MailboxCounts {
    this.stopFeeding()
    this.#whenEmpty = undefined
    const counts = this.counts()
    this.#host.reports.hold()
    const { drops } = this.#books
    drops.abandon(this.#copies, reason)
    this.#copies = new PendingCopies(this.#settings, [], this.#host)
    const dismissed = this.#line.dismiss(brokerEnds)
    this.#doorbell.ringAll()
    for (const message of dismissed) drops.report(message, reason)
    this.#host.reports.release()
    return counts
  }

  /** What others hold as well must not be taken from them. */
  #takeAlone(): void {
    if (this.#copies.count > 0 && (this.#cohort?.cohort.members.size ?? 0) > 1) this.separate()
  }

  #accept(message: Message): void {
    this.#copies.push(message)
    if (!this.#doorbell.idle) this.#doorbell.ringOne()
  }

  #overflow(message: Message): void {
    const insistence = this.#host.desk.insistenceOn(message)
    if (insistence !== undefined) return this.#wait(message, insistence.timeoutMs)
    switch (this.#settings.whenFull) {
      case 'drop-newest':
        this.#books.drops.drop(message, 'buffer-full')
        return this.#sleep()
      case 'drop-oldest':
      case 'latest':
        return this.#pushOut(message)
      case 'block':
        return this.#wait(message, this.#settings.blockTimeoutMs)
      case 'fail':
        this.#refuse(message)
        this.#books.drops.drop(message, 'refused')
        return this.#sleep()
      case 'disconnect':
        this.#books.drops.drop(message, 'disconnected')
        return this.owner.disconnected()
    }
  }

  #refuse(message: Message): void {
    this.#host.desk.open(message).refuse([this.name])
  }

  /** `latest`: a copy is replaced where it stands; were it moved to the end, a busy key would never be read. */
  #supersede(message: Message): boolean {
    const old = this.#copies.supersede(message)
    if (old === undefined) return false
    this.#books.drops.drop(old, 'superseded')
    while (this.#copies.overfull) this.#evict()
    return true
  }

  #pushOut(message: Message): void {
    // Copies that wait for a publishAndWait are older than this one, so they go in first.
    for (let waiter = this.#line.first; waiter !== undefined; waiter = this.#line.first) this.#admit(waiter)
    this.#place(message)
  }

  /** Puts the copy where the policy wants it, making room by eviction. */
  #place(message: Message): void {
    if (this.#supersede(message)) return
    while (!this.#copies.fits(message)) this.#evict()
    this.#accept(message)
  }

  #evict(): void {
    const oldest = this.#copies.shift()
    if (oldest !== undefined) this.#books.drops.drop(oldest, 'evicted-oldest')
  }

  #wait(message: Message, timeoutMs: number): void {
    if (!this.#line.add(message, timeoutMs)) this.#books.drops.drop(message, 'refused')
  }

  #refuseForEver(message: Message, reason: DropReason): void {
    const asks = this.#settings.whenFull === 'fail' || this.#settings.whenFull === 'block'
    if (asks || this.#host.desk.insistenceOn(message) !== undefined) this.#refuse(message)
    this.#books.drops.drop(message, reason)
  }

  #afterTake(): void {
    if (this.asleep) this.awaken()
    if (this.#line.length > 0) {
      this.#host.reports.hold()
      this.#admitWaiters()
      this.#host.reports.release()
    }
    if (this.#copies.count === 0) this.#nowEmpty()
  }

  #admitWaiters(): void {
    for (let next = this.#line.first; next !== undefined; next = this.#line.first) {
      if (!this.#copies.fits(next.message)) return
      this.#admit(next)
    }
  }

  #admit(waiter: Waiter): void {
    this.#place(waiter.message)
    this.#line.admit()
  }

  #nowEmpty(): void {
    if (this.#whenEmpty !== undefined) this.#whenEmpty()
    else if (!this.#books.ended) this.owner.emptied(this)
  }

  #sleep(): void {
    const decides = this.#books.drops.watched || !this.#copies.plain || this.#line.length > 0
    if (decides || this.seat < 0) return
    this.#feed.sleep(this)
    this.#books.sleep()
  }

  /** Messages that the running publish has counted but not offered here yet. */
  get #underWay(): number {
    const { seat, seen } = this.#cohort?.cohort ?? this
    return !this.#books.ended && !this.asleep && seat >= 0 ? this.#feed.head - seen : 0
  }
}
