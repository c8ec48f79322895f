import type { DrainOptions, Subscription } from '../core/contract.ts'
import type { Message } from '../core/message.ts'
import { defaultTimeoutMs, duration } from '../core/settings.ts'
import type { Consumer, ConsumerReport, ConsumerState } from './contract.ts'
import { Intake } from './intake.ts'
import type { ConsumerLedger } from './ledger.ts'
import type { HoldReason, ReturnReason } from './observer.ts'
import { type ItemRunner, Pipeline } from './pipeline.ts'
import type { DeadLetterPlace } from './dead-letters.ts'
import { Reports } from './reports.ts'
import type { FlowSettings } from './settings.ts'

/** How long the broker may take to confirm what was handed back, before the consumer ends without knowing. */
const confirmWithinMs = 5000

/** What a drain began with. */
interface Ending {
  readonly at: number
  readonly before: ConsumerLedger
  cancel: () => void
}

/** The life of a consumer: begins to take, pauses, ends once, and says how. */
export class FlowConsumer implements Consumer {
  readonly done: Promise<ConsumerReport>
  readonly #subscription: Subscription
  readonly #settings: FlowSettings
  readonly #reports: Reports
  readonly #intake: Intake
  readonly #pipeline: Pipeline
  readonly #report: Promise<ConsumerReport>
  readonly #abort = (): void => void this.close()
  #resolve!: (report: ConsumerReport) => void // assigned by the promise's executor, which runs synchronously
  #ending: Ending | undefined
  #error: unknown
  #ended = false
  #lettingGo = false

  constructor(
    subscription: Subscription,
    settings: FlowSettings,
    place: DeadLetterPlace | undefined,
    runnerFor: (pipeline: Pipeline) => ItemRunner,
    settles: boolean,
  ) {
    subscription[Symbol.asyncIterator]() // refuses a subscription that somebody else reads
    this.#subscription = subscription
    this.#settings = settings
    this.#reports = new Reports(settings.observer, `"${subscription.pattern}"`)
    this.#report = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.done = this.#report.then((report) =>
      report.error === undefined ? report : Promise.reject(report.error),
    )
    this.done.catch(() => undefined) // whoever does not ask is told by the observer
    this.#pipeline = new Pipeline(settings, place, this.#reports, {
      settled: () => this.#endIfEmpty(),
      stop: (error) => this.#stop(error),
    })
    this.#intake = new Intake(subscription, {
      arrived: (message: Message) => this.#pipeline.arrived(message),
      ended: () => this.#subscriptionEnded(),
    })
    this.#pipeline.connect(this.#intake, runnerFor(this.#pipeline), settles)
    settings.signal?.addEventListener('abort', this.#abort)
    if (settings.signal?.aborted === true) void this.close()
    // A handler must not run before whoever starts its consumer has it in hand.
    else void Promise.resolve().then(() => this.#pipeline.pump())
  }

  get pattern(): string {
    return this.#subscription.pattern
  }

  get group(): string | undefined {
    return this.#subscription.group
  }

  get state(): ConsumerState {
    if (this.#ended) return 'ended'
    if (this.#ending !== undefined) return 'draining'
    return this.heldBy.length > 0 ? 'held' : 'running'
  }

  get heldBy(): readonly HoldReason[] {
    return this.#ended ? [] : this.#pipeline.gates.heldBy
  }

  ledger(): ConsumerLedger {
    return this.#pipeline.books.ledger()
  }

  pause(): void {
    if (this.#ending === undefined) this.#pipeline.gates.hold('paused')
  }

  resume(): void {
    this.#pipeline.gates.release('paused')
  }

  async drain(options?: DrainOptions): Promise<ConsumerReport> {
    const timeoutMs = duration('timeoutMs', options?.timeoutMs, defaultTimeoutMs)
    if (this.#begin(timeoutMs, 'drained')) {
      this.#takeTheRest(timeoutMs)
      // What waits behind a pause would wait until the deadline.
      if (this.heldBy.includes('paused')) this.#handBackWaiting('drained')
      this.#pipeline.pump()
    }
    return this.#report
  }

  close(): Promise<ConsumerReport> {
    this.#begin(0, 'closed')
    this.#giveUp('closed')
    return this.#report
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  /** The end begins, unless it has; `false` then. */
  #begin(timeoutMs: number, reason: ReturnReason): boolean {
    if (this.#ending !== undefined) return false
    const { clock } = this.#settings
    this.#ending = { at: clock.now(), before: this.ledger(), cancel: () => undefined }
    if (timeoutMs > 0) this.#ending.cancel = clock.schedule(() => this.#giveUp(reason), timeoutMs)
    return true
  }

  /** What waits in a mailbox of its own is taken; what a log or a server keeps for others is left there. */
  #takeTheRest(timeoutMs: number): void {
    // A subscription that ends takes its deliveries back, so it is closed when they are settled and not before.
    if (this.#pipeline.settles) return this.#pipeline.takeNothing()
    // It closes itself in time or is closed below; whatever else it says does not matter any more.
    this.#subscription.drain({ timeoutMs }).catch(() => this.#subscription.close())
  }

  /** `exhausted: 'stop'`: what runs may finish, nothing else begins. */
  #stop(error: Error): void {
    this.#error ??= error
    this.#begin(defaultTimeoutMs, 'stopped')
    this.#handBackWaiting('stopped')
  }

  #handBackWaiting(reason: ReturnReason): void {
    this.#pipeline.stop(reason)
    if (!this.#pipeline.settles) this.#subscription.close()
    this.#endIfEmpty()
  }

  /** Hands everything back, now. */
  #giveUp(reason: ReturnReason): void {
    const { clock } = this.#settings
    if (this.#ended || this.#ending === undefined || this.#pipeline.over) return
    this.#ending.cancel()
    this.#ending.cancel = clock.schedule(() => this.#end(), confirmWithinMs)
    this.#pipeline.end(reason)
    this.#subscription.close()
    this.#endIfEmpty()
  }

  #subscriptionEnded(): void {
    this.#error ??= this.#intake.error
    // Nothing more can come, and what is inside must not wait for ever.
    this.#begin(defaultTimeoutMs, 'drained')
    this.#pipeline.pump()
  }

  #endIfEmpty(): void {
    if (this.#ending === undefined || this.#pipeline.books.inside > 0) return
    // What waits in the mailbox of a subscription that drains is still to come.
    if (this.#pipeline.taking && !this.#pipeline.closed) return
    if (this.#pipeline.settles && !this.#pipeline.over) return this.#letGo()
    if (this.#intake.asking) this.#subscription.close()
    else this.#end()
  }

  /** Everything is settled: lets the broker note that, as with a commit, before the subscription ends. */
  #letGo(): void {
    if (this.#lettingGo) return
    this.#lettingGo = true
    const over = (): void => {
      this.#pipeline.end('drained')
      this.#endIfEmpty()
    }
    this.#subscription.drain({ timeoutMs: confirmWithinMs }).then(over, over)
  }

  #end(): void {
    if (this.#ended || this.#ending === undefined) return
    this.#ended = true
    const { at, before, cancel } = this.#ending
    cancel()
    this.#settings.signal?.removeEventListener('abort', this.#abort)
    this.#pipeline.dispose()
    this.#subscription.close()
    const now = this.ledger()
    const dropped = this.#subscription.ledger().dropped.closed
    const report: ConsumerReport = {
      complete: now.returned === before.returned && now.inFlight.settling === 0 && dropped === 0,
      handled: now.handled - before.handled,
      duplicates: now.duplicates - before.duplicates,
      deadLettered: now.deadLettered - before.deadLettered,
      discarded: now.discarded - before.discarded,
      returned: now.returned - before.returned,
      dropped,
      abandoned: now.attempts.abandoned,
      durationMs: this.#settings.clock.now() - at,
      error: this.#error,
    }
    this.#resolve(report)
    this.#reports.ended(this.#error)
  }
}
