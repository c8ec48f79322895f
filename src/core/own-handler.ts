import type { DrainOptions, Handler, HandlerSubscription } from './contract.ts'
import type { CursorMailbox } from './cursor-mailbox.ts'
import { Drain } from './drain.ts'
import type { DirectConsumer } from './call-list.ts'
import type { Fanout, Reader } from './fanout.ts'
import { HandlerQueue } from './handler-queue.ts'
import { type MailboxCounts, type MailboxLedger, noDrops } from './ledger.ts'
import { missed } from './drops.ts'
import { finalCounts, mailboxLedger, missCopy } from './mailbox.ts'
import { type EndReason, MemorySubscription } from './memory-subscription.ts'
import type { Message } from './message.ts'
import type { PrivateMailbox } from './private-mailbox.ts'
import type { SubscriptionSettings } from './settings.ts'
import { recognisable } from './worker.ts'

/**
 * A subscription that calls a handler. While it is idle with nothing pending it is only a function in the fan-out's
 * list; its queue is made the first time a copy has to wait. There may be 100 000 of these: mind every field.
 */
export class OwnHandler extends MemorySubscription implements HandlerSubscription, DirectConsumer, Reader {
  readonly settings: SubscriptionSettings
  readonly call: Handler
  slot = -1
  readonly #start: number
  #queue: HandlerQueue | undefined
  /** What drain and the end leave behind. */
  #end: { final: MailboxCounts | undefined; readonly drain: Drain | undefined } | undefined

  constructor(
    fanout: Fanout,
    number: number,
    handler: Handler,
    settings: SubscriptionSettings,
    signal: AbortSignal | undefined,
  ) {
    super(fanout, number, signal)
    this.settings = settings
    this.#start = fanout.head
    this.call = settings.whenFull === 'block' ? recognisable(handler, () => this) : handler
    if (settings.queued) this.#queue = new HandlerQueue(this, this.call, fanout, settings.concurrency)
    else fanout.addConsumer(this)
    fanout.widen(1)
  }

  get group(): undefined {
    return undefined
  }

  get pending(): number {
    return this.closed ? 0 : (this.#queue?.mailbox.pending ?? 0)
  }

  ledger(): MailboxLedger {
    return mailboxLedger(this.name, this.settings, this.#end?.final ?? this.#counts())
  }

  async drain(options?: DrainOptions): Promise<void> {
    if (this.closed) return
    if (this.#end === undefined) {
      const { host } = this.fanout
      const drain = new Drain(options, host.clock, () => this.close())
      this.#end = { final: undefined, drain }
      this.#stop()
      host.draining.add(this)
      const queue = this.#ownQueue()
      queue.stop()
      // A fan-out under way may still owe it a call, and a call of its own may have led here: both come before this.
      void settled.then(() => queue.finish(() => this.close()))
    }
    await this.#end.drain?.promise
  }

  returned(result: unknown, message: Message): void {
    this.#ownQueue().returned(result, message)
  }

  threw(error: unknown, message: Message): void {
    this.#ownQueue().worker.failed(error, message)
  }

  queue(): void {
    this.#ownQueue().detour()
  }

  missed(message: Message): void {
    if (this.#end?.final !== undefined) this.#end.final = missCopy(this.#end.final)
    missed(this, this.fanout.host, message)
  }

  moved(mailbox: CursorMailbox | PrivateMailbox): void {
    if (this.#queue !== undefined) this.#queue.mailbox = mailbox
  }

  emptied(mailbox: PrivateMailbox): void {
    if (this.settings.queued) this.fanout.share(mailbox, this)
  }

  disconnected(): void {
    this.end('disconnected', false)
  }

  protected finish(reason: EndReason, brokerEnds: boolean): void {
    const { host } = this.fanout
    if (this.#end === undefined) this.#stop()
    this.fanout.forfeit(this)
    const counts = this.#queue?.close(reason, brokerEnds) ?? this.#counts()
    const final = finalCounts(counts, reason)
    this.#end ??= { final, drain: undefined }
    this.#end.final = final
    host.ended.add(final)
    host.draining.delete(this)
    this.#end.drain?.settle()
  }

  #stop(): void {
    if (this.slot >= 0) this.fanout.removeConsumer(this)
    this.fanout.leave()
  }

  #ownQueue(): HandlerQueue {
    this.#queue ??= new HandlerQueue(this, this.call, this.fanout, this.settings.concurrency, {
      start: this.#start,
      dropped: undefined,
    })
    return this.#queue
  }

  #counts(): MailboxCounts {
    if (this.#queue !== undefined) return this.#queue.mailbox.counts()
    const routed = this.fanout.head - this.#start
    return { routed, delivered: routed, dropped: noDrops(), pending: 0, waiting: 0 }
  }
}

const settled: Promise<void> = Promise.resolve()
