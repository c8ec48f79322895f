import type { DrainOptions } from './contract.ts'
import { CursorMailbox } from './cursor-mailbox.ts'
import { Drain } from './drain.ts'
import type { Fanout, Reader } from './fanout.ts'
import type { MailboxCounts, MailboxLedger } from './ledger.ts'
import { finalCounts, mailboxLedger } from './mailbox.ts'
import type { EndReason } from './memory-subscription.ts'
import type { PrivateMailbox } from './private-mailbox.ts'
import { ReadingSubscription } from './reading-subscription.ts'
import type { SubscriptionSettings } from './settings.ts'

/** A subscription that reads its own mailbox. */
export class OwnReader extends ReadingSubscription implements Reader {
  readonly settings: SubscriptionSettings
  protected mailbox: CursorMailbox | PrivateMailbox
  #stopped = false
  #drain: Drain | undefined
  #final: MailboxCounts | undefined

  constructor(
    fanout: Fanout,
    number: number,
    settings: SubscriptionSettings,
    signal: AbortSignal | undefined,
  ) {
    super(fanout, number, signal)
    this.settings = settings
    this.mailbox = fanout.open(this)
    fanout.widen(1)
  }

  get group(): undefined {
    return undefined
  }

  ledger(): MailboxLedger {
    return mailboxLedger(this.name, this.settings, this.#final ?? this.mailbox.counts())
  }

  async drain(options?: DrainOptions): Promise<void> {
    if (this.closed) return
    if (this.#drain === undefined) {
      this.#drain = new Drain(options, this.fanout.host.clock, () => this.close())
      this.fanout.host.draining.add(this)
      this.#stop().detach(() => this.close())
    }
    await this.#drain.promise
  }

  moved(mailbox: CursorMailbox | PrivateMailbox): void {
    this.mailbox = mailbox
  }

  emptied(mailbox: PrivateMailbox): void {
    this.fanout.share(mailbox, this)
  }

  disconnected(): void {
    this.end('disconnected', false)
  }

  protected finish(reason: EndReason, brokerEnds: boolean): void {
    const { host } = this.fanout
    this.#final = finalCounts(this.#stop().close(reason, brokerEnds), reason)
    host.ended.add(this.#final)
    host.draining.delete(this)
    this.wakeReader(reason)
    this.#drain?.settle()
  }

  /** Takes nothing new from now on; what is pending stays readable. */
  #stop(): PrivateMailbox {
    if (this.mailbox instanceof CursorMailbox) {
      const cursor = this.mailbox
      this.mailbox = this.fanout.detach(cursor)
      this.wakeFrom(cursor)
    }
    if (!this.#stopped) {
      this.#stopped = true
      this.mailbox.stopFeeding()
      this.fanout.leave()
    }
    return this.mailbox
  }
}
