import type { DrainOptions, Handler } from './contract.ts'
import { Drain } from './drain.ts'
import { missed } from './drops.ts'
import type { MailboxName } from './errors.ts'
import type { DirectConsumer } from './call-list.ts'
import type { Fanout } from './fanout.ts'
import type { MailboxCounts, MailboxLedger } from './ledger.ts'
import { finalCounts, type MailboxOwner, mailboxLedger, missCopy } from './mailbox.ts'
import type { EndReason, MemorySubscription } from './memory-subscription.ts'
import type { Message } from './message.ts'
import { PrivateMailbox } from './private-mailbox.ts'
import type { HandlerSettings, SubscriptionSettings } from './settings.ts'
import { recognisable, Worker } from './worker.ts'

/**
 * Subscriptions of one pattern that share a mailbox: each message goes to one of them. While nothing is pending and a
 * handler among them is idle, publish calls it, each in turn; otherwise copies wait, and whoever is free takes the
 * oldest. The mailbox lives as long as the group has a member.
 */
export class QueueGroup implements DirectConsumer, MailboxOwner {
  readonly name: MailboxName
  readonly settings: SubscriptionSettings
  readonly mailbox: PrivateMailbox
  /** Who founded it, for the error that a contradicting member gets. */
  readonly founder: string
  slot = -1
  readonly #fanout: Fanout
  readonly #members = new Set<MemorySubscription>()
  readonly #workers: Worker[] = []
  #turn = 0
  /** True while publish calls handlers itself. */
  #direct = false
  /** A member has asked for queued delivery, so publish never calls a handler of this group itself. */
  #alwaysQueued = false
  #listening = false
  /** True while messages are taken and handed over: an empty mailbox does not mean that all are handled. */
  #taking = false
  #stopped = false
  #whenDone: (() => void) | undefined
  #final: MailboxCounts | undefined
  #drain: Drain | undefined

  constructor(fanout: Fanout, group: string, number: number, settings: SubscriptionSettings) {
    this.#fanout = fanout
    this.name = { id: `group-${number}`, pattern: fanout.pattern, group }
    this.settings = settings
    this.founder = `sub-${number}`
    this.mailbox = new PrivateMailbox(this, fanout.host, fanout.feed, [])
    fanout.addConsumer(this)
    fanout.detour(this)
    fanout.feed.feed(this.mailbox)
    fanout.widen(1)
  }

  get size(): number {
    return this.#members.size
  }

  readonly call: Handler = (message) => {
    const worker = this.#idleWorker()
    if (worker === undefined) {
      this.queue()
      this.mailbox.offer(message)
    } else {
      worker.run(message)
      if (!worker.idle && !this.#hasIdleWorker()) this.queue()
    }
  }

  join(member: MemorySubscription): void {
    this.#members.add(member)
  }

  /** Adds a handler to those who take turns. */
  employ(member: MemorySubscription, handler: Handler, { concurrency, queued }: HandlerSettings): Worker {
    // A group's mailbox belongs to the group, so that is what a handler inside of it could wait for.
    const call = this.settings.whenFull === 'block' ? recognisable(handler, () => this) : handler
    const worker = new Worker(call, concurrency, member, this.#fanout.host.observers, () => this.#run())
    this.#workers.push(worker)
    this.#alwaysQueued ||= queued
    if (this.#alwaysQueued) this.queue()
    if (this.mailbox.pending === 0) this.#goDirect()
    this.#listen()
    this.mailbox.passOn()
    return worker
  }

  /** A member has gone; what it had taken is its own, what is pending goes to the others. */
  leave(
    member: MemorySubscription,
    worker: Worker | undefined,
    reason: EndReason,
    brokerEnds: boolean,
  ): void {
    this.#members.delete(member)
    if (worker !== undefined) {
      this.#workers.splice(this.#workers.indexOf(worker), 1)
      if (!this.#hasIdleWorker()) this.queue()
    }
    this.mailbox.passOn()
    if (this.#members.size === 0) this.#end(reason, brokerEnds)
  }

  ledger(): MailboxLedger {
    return mailboxLedger(this.name, this.settings, this.#final ?? this.mailbox.counts())
  }

  /** How many copies one of its readers may take at once, so that the others get their share. */
  share(max: number): number {
    return Math.max(1, Math.min(max, Math.ceil(this.mailbox.pending / this.#members.size)))
  }

  async drain(options?: DrainOptions): Promise<void> {
    if (this.#drain === undefined) {
      const { host } = this.#fanout
      this.#drain = new Drain(options, host.clock, () => this.end('closed', false))
      this.#stop()
      host.draining.add(this)
      // A fan-out under way may still owe it a call, and a call of its own may have led here: both come before this.
      void settled.then(() => this.#finish())
    }
    await this.#drain.promise
  }

  /** Ends every member, and so itself. */
  end(reason: EndReason, brokerEnds: boolean): void {
    for (const member of [...this.#members]) member.end(reason, brokerEnds)
  }

  /** Publish calls its handlers, so what they return or throw has been dealt with in `call`. */
  returned(): void {}

  threw(error: unknown): void {
    throw error // a bug of the dispatch itself, not of a handler: do not hide it
  }

  queue(): void {
    if (!this.#direct) return
    this.#direct = false
    this.#fanout.detour(this)
    this.#fanout.feed.feed(this.mailbox)
    this.#listen()
  }

  missed(message: Message): void {
    if (this.#final !== undefined) this.#final = missCopy(this.#final)
    missed(this, this.#fanout.host, message)
  }

  emptied(): void {}

  disconnected(): void {
    this.end('disconnected', false)
  }

  #finish(): void {
    if (this.#final !== undefined) return
    this.#whenDone = () => this.end('closed', false)
    this.mailbox.detach(() => this.#settle())
    this.#run()
  }

  #end(reason: EndReason, brokerEnds: boolean): void {
    const { host } = this.#fanout
    this.#stop()
    this.#fanout.forfeit(this)
    this.#final = finalCounts(this.mailbox.close(reason, brokerEnds), reason)
    host.ended.add(this.#final)
    host.draining.delete(this)
    this.#drain?.settle()
  }

  #stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#direct = false
    const group = this.name.group as string // its name is given at construction
    this.#fanout.groups.delete(group)
    this.#fanout.removeConsumer(this)
    this.mailbox.stopFeeding()
    this.#fanout.leave()
  }

  #hasIdleWorker(): boolean {
    return this.#workers.some((worker) => worker.idle)
  }

  #idleWorker(): Worker | undefined {
    const workers = this.#workers
    for (let tries = workers.length; tries > 0; tries--) {
      // A comparison: a remainder would be a division, which costs more than the rest of the turn.
      const turn = this.#turn < workers.length ? this.#turn : 0
      this.#turn = turn + 1
      const worker = workers[turn] as Worker // the index is below the length
      if (worker.idle) return worker
    }
    return undefined
  }

  /** Gives pending copies to idle handlers; with none left, lets publish call them directly. */
  #run(): void {
    const { reports } = this.#fanout.host
    const outer = this.#taking // a handler may have led here
    this.#taking = true
    // Not more than was there: a handler that publishes to itself must leave the others their turn.
    for (let left = this.mailbox.pending; left > 0; left--) {
      const worker = this.#idleWorker()
      if (worker === undefined) break
      reports.hold() // what taking it has caused is reported when it has been handed over
      const message = this.mailbox.take()
      if (message !== undefined) worker.runQueued(message)
      reports.release()
    }
    this.#taking = outer
    if (this.#settle()) return
    if (this.mailbox.pending === 0 && this.#hasIdleWorker()) this.#goDirect()
    this.#listen()
  }

  /** Says whether a drain has just been finished. */
  #settle(): boolean {
    if (this.#whenDone === undefined || this.#taking || this.mailbox.pending > 0) return false
    if (this.#workers.some((worker) => worker.active > 0)) return false
    this.#whenDone()
    return true
  }

  #goDirect(): void {
    // While a fan-out runs, the list of what it calls is fixed; the next run will do.
    if (this.#direct || this.#stopped || this.#alwaysQueued || this.#fanout.busy) return
    this.#direct = true
    this.#fanout.feed.unfeed(this.mailbox)
    this.#fanout.direct(this)
  }

  #listen(): void {
    if (this.#listening || this.#direct || this.#final !== undefined || !this.#hasIdleWorker()) return
    this.#listening = true
    const more = this.mailbox.pending > 0
    void (more ? settled : this.mailbox.wait()).then(() => {
      this.#listening = false
      this.#run()
      this.mailbox.passOn() // if the handlers have become busy meanwhile, a reader may be free
    })
  }
}

const settled: Promise<void> = Promise.resolve()
