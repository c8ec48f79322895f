import type { DrainOptions, Handler, HandlerSubscription } from './contract.ts'
import { Drain } from './drain.ts'
import type { Fanout } from './fanout.ts'
import type { MailboxLedger } from './ledger.ts'
import type { Mailbox } from './mailbox.ts'
import { type EndReason, MemorySubscription } from './memory-subscription.ts'
import type { Message } from './message.ts'
import type { QueueGroup } from './queue-group.ts'
import { ReadingSubscription } from './reading-subscription.ts'
import type { SubscriptionSettings } from './settings.ts'
import type { Worker } from './worker.ts'

/** What a member that has left reads from: the group's mailbox is no longer its business. */
const noMailbox: Mailbox = {
  pending: 0,
  take: () => undefined,
  takeBatch: () => [],
  wait: () => Promise.resolve(),
  wake: () => undefined,
}

/** A member of a queue group that reads. */
export class GroupReader extends ReadingSubscription {
  readonly settings: SubscriptionSettings
  protected mailbox: Mailbox
  readonly #group: QueueGroup

  constructor(fanout: Fanout, number: number, group: QueueGroup, signal: AbortSignal | undefined) {
    super(fanout, number, signal)
    this.settings = group.settings
    this.mailbox = group.mailbox
    this.#group = group
    group.join(this)
  }

  get group(): string | undefined {
    return this.#group.name.group
  }

  override get mailboxOwner(): object {
    return this.#group
  }

  ledger(): MailboxLedger {
    return this.#group.ledger()
  }

  /** What is pending stays with the other members; the last one drains the group. */
  async drain(options?: DrainOptions): Promise<void> {
    if (!this.closed && this.#group.size === 1) return this.#group.drain(options)
    this.close()
  }

  protected override takeBatch(max: number): readonly Message[] {
    return this.mailbox.takeBatch(this.#group.share(max))
  }

  protected finish(reason: EndReason, brokerEnds: boolean): void {
    this.wakeReader(reason)
    this.mailbox = noMailbox
    this.#group.leave(this, undefined, reason, brokerEnds)
  }
}

/** A member of a queue group that calls a handler. */
export class GroupHandler extends MemorySubscription implements HandlerSubscription {
  readonly settings: SubscriptionSettings
  readonly #group: QueueGroup
  readonly #worker: Worker
  #drain: Drain | undefined

  constructor(
    fanout: Fanout,
    number: number,
    group: QueueGroup,
    handler: Handler,
    settings: SubscriptionSettings,
    signal: AbortSignal | undefined,
  ) {
    super(fanout, number, signal)
    this.settings = settings
    this.#group = group
    group.join(this)
    this.#worker = group.employ(this, handler, settings)
  }

  get group(): string | undefined {
    return this.#group.name.group
  }

  get pending(): number {
    return this.closed ? 0 : this.#group.mailbox.pending
  }

  ledger(): MailboxLedger {
    return this.#group.ledger()
  }

  /** Leaves the group at once and resolves when its own calls have settled; the last member drains the group. */
  async drain(options?: DrainOptions): Promise<void> {
    if (!this.closed && this.#group.size === 1) return this.#group.drain(options)
    if (this.#drain === undefined && this.#worker.active > 0) {
      const drain = new Drain(options, this.fanout.host.clock, () => drain.settle())
      this.#drain = drain
      this.#worker.whenIdle(() => drain.settle())
    }
    this.close()
    await this.#drain?.promise
  }

  protected finish(reason: EndReason, brokerEnds: boolean): void {
    this.#group.leave(this, this.#worker, reason, brokerEnds)
  }
}
