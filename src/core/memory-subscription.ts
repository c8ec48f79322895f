import type { DrainOptions, SubscriptionBase } from './contract.ts'
import { type MailboxName, SlowSubscriberError, type SpillwayError } from './errors.ts'
import type { Fanout } from './fanout.ts'
import type { MailboxLedger } from './ledger.ts'
import type { Host } from './mailbox.ts'
import type { SubscriptionSettings } from './settings.ts'

/** Why a subscription ended, as its books say it. */
export type EndReason = 'closed' | 'disconnected'

/** Where a subscription stands: a fan-out, or a log. */
export interface Place {
  readonly pattern: string
  readonly host: Pick<Host, 'clock' | 'observers' | 'reports' | 'signals'>
}

/** What all kinds of subscription inside this process share: a name, a signal, and one end. */
export abstract class MemorySubscription<P extends Place = Fanout> implements SubscriptionBase {
  protected readonly fanout: P
  readonly #number: number
  readonly #signal: AbortSignal | undefined
  #closed = false

  constructor(fanout: P, number: number, signal: AbortSignal | undefined) {
    this.fanout = fanout
    this.#number = number
    this.#signal = signal
    if (signal !== undefined) fanout.host.signals.add(signal, this)
  }

  abstract readonly settings: SubscriptionSettings
  abstract get group(): string | undefined
  abstract get pending(): number
  abstract ledger(): MailboxLedger
  abstract drain(options?: DrainOptions): Promise<void>

  /** Leaves the fan-out and settles the books; runs once. */
  protected abstract finish(reason: EndReason, brokerEnds: boolean): void

  get id(): string {
    return `sub-${this.#number}`
  }

  get pattern(): string {
    return this.fanout.pattern
  }

  get name(): MailboxName {
    return { id: this.id, pattern: this.pattern }
  }

  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    this.end('closed', false)
  }

  /** Ends it for `reason`; when the whole broker ends, publishers that wait for it reject. */
  end(reason: EndReason, brokerEnds: boolean): void {
    if (this.#closed) return
    this.#closed = true
    const { host } = this.fanout
    host.reports.hold() // nobody shall hear of it before the books are closed
    this.finish(reason, brokerEnds)
    if (this.#signal !== undefined) host.signals.remove(this.#signal, this)
    this.#report(reason)
    host.reports.release()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  #report(reason: EndReason): void {
    const { observers, reports } = this.fanout.host
    if (!observers.wants('closed')) return
    const { name, group } = this
    const subscription = group === undefined ? name : { ...name, group }
    const event = { subscription, error: this.errorFor(reason) }
    reports.add(() => observers.emit('closed', event))
  }

  /** What the reader and the observer are told; undefined for a normal end. */
  protected errorFor(reason: EndReason): SpillwayError | undefined {
    return reason === 'disconnected' ? new SlowSubscriberError(this.name, this.settings.capacity) : undefined
  }
}
