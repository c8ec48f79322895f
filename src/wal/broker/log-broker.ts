import type {
  Capabilities,
  DrainOptions,
  DrainReport,
  Handler,
  HandlerSubscription,
  Subscription,
} from '../../core/contract.ts'
import { makeCapabilities } from '../../core/capabilities.ts'
import { BrokerClosedError } from '../../core/errors.ts'
import { sumCounts } from '../../core/ledger.ts'
import { InProcessBroker } from '../../core/memory-broker.ts'
import type { Observer } from '../../core/observer.ts'
import { defaultTimeoutMs, duration, overflowPolicies } from '../../core/settings.ts'
import type {
  CompactionReport,
  DurableBrokerOptions,
  DurableLedger,
  DurablePublisher,
  DurablePublishOptions,
  DurableReceipt,
  GroupOptions,
  GroupPosition,
  GroupStatus,
  TopicStatus,
  WalCapability,
} from '../contract.ts'
import type { RecoveryReport } from '../contract.ts'
import { Log, type LogEvents } from '../store/log.ts'
import type { LogSettings } from '../store/open-options.ts'
import type { SpillArea } from '../spill/contract.ts'
import { Groups } from './groups.ts'
import { LiveRelay } from './live-relay.ts'
import { Publisher } from './publisher.ts'
import { Readers, type ReaderOptions } from './readers.ts'

/** What it promises. */
export const walCapabilities: Capabilities<WalCapability> = makeCapabilities({
  broker: 'wal',
  provides: [
    'durable',
    'replay',
    'acks',
    'groups',
    'wildcards',
    'keys',
    'order',
    'key-order',
    'nak-delay',
    'written',
    'synced',
  ],
  delivery: 'at-most-once',
  overflow: [...overflowPolicies, 'spill'],
})

/** What a broker on a log is made of. */
interface Parts {
  readonly dir: string
  readonly settings: LogSettings
  readonly options: DurableBrokerOptions
  readonly log: Log
  /** Lets go of the directory. */
  readonly release: () => Promise<void>
  /** Where live mailboxes put what they cannot hold. */
  readonly spill: SpillArea | undefined
}

/**
 * The broker of `openDurableBroker`: messages go into the log, and from there, when they are visible, to the live
 * subscriptions, which are those of a broker in this process. Readers with a position read the log itself.
 */
export class LogBroker implements LogEvents {
  readonly capabilities: Capabilities<WalCapability> = walCapabilities
  readonly spill: SpillArea | undefined
  readonly #dir: string
  readonly #settings: LogSettings
  readonly #release: () => Promise<void>
  readonly #live: InProcessBroker
  readonly #readers: Readers
  readonly #groups: Groups
  readonly #publisher: Publisher
  #log: Log
  /** Hands what has become visible to the live subscriptions. */
  readonly #relay: LiveRelay
  #closed: Promise<void> | undefined
  #drained: Promise<DrainReport> | undefined

  private constructor({ dir, log, options, release, settings, spill }: Parts) {
    this.#dir = dir
    this.spill = spill
    this.#settings = settings
    this.#release = release
    const { observer } = options
    this.#live = new InProcessBroker({
      clock: settings.clock,
      ...(observer === undefined ? {} : { observer }),
      ...(spill === undefined ? {} : { spill }),
    })
    this.#log = log
    this.#readers = new Readers(this.#live, log)
    this.#groups = new Groups(this.#live, log, (pattern, group) => this.#readers.place(pattern, group))
    this.#publisher = new Publisher(log, settings.sync, options.schemas, (seq) => this.#relay.waitingFor(seq))
    this.#relay = new LiveRelay(this.#live, log, (seq) => this.#publisher.contextOf(seq))
  }

  static open(
    dir: string,
    settings: LogSettings,
    options: DurableBrokerOptions,
    release: () => Promise<void>,
    spill?: SpillArea,
  ): LogBroker {
    const made: { broker?: LogBroker } = {}
    const log = Log.open(dir, settings, {
      visible: (seq) => made.broker?.visible(seq),
      evicted: (seq, count) => made.broker?.evicted(seq, count),
      compactionFailed: (error) => made.broker?.compactionFailed(error),
    })
    made.broker = new LogBroker({ dir, settings, options, log, release, spill })
    return made.broker
  }

  get recovery(): RecoveryReport {
    return this.#log.report
  }

  publish(topic: string, payload: unknown, options?: DurablePublishOptions): Promise<DurableReceipt> {
    return this.#publisher.publish(topic, payload, options)
  }

  topic(name: string): DurablePublisher<unknown> {
    const publisher = this.#publisher
    publisher.topic(name) // refuses an invalid topic now rather than at each publish
    return {
      topic: name,
      publish: (payload, options) => publisher.publish(name, payload, options),
      append: (payload) => publisher.append(name, payload),
    }
  }

  observe(observer: Observer): Disposable {
    return this.#live.observe(observer)
  }

  subscribe(
    pattern: string,
    handlerOrOptions?: Handler | ReaderOptions,
    handlerOptions?: ReaderOptions,
  ): Subscription | HandlerSubscription {
    const handler = typeof handlerOrOptions === 'function' ? handlerOrOptions : undefined
    const options = typeof handlerOrOptions === 'function' ? handlerOptions : handlerOrOptions
    if (options?.group !== undefined || options?.from !== undefined) {
      if (this.#closed !== undefined || this.#drained !== undefined) throw new BrokerClosedError('subscribe')
      if (options.group !== undefined) return this.#groups.join(pattern, handler, options as GroupOptions)
      return this.#readers.open(pattern, options.from ?? 'end', handler, options)
    }
    return this.#live.subscribe(pattern, handlerOrOptions, handlerOptions)
  }

  ledger(): DurableLedger {
    const live = this.#live.ledger()
    const { published } = this.#publisher
    return {
      published,
      // The log takes every message, so none is unrouted.
      routed: published,
      unrouted: 0,
      copies: live.copies + this.#readers.copies,
      mailboxes: [...live.mailboxes, ...this.#readers.ledgers()],
      ended: sumCounts([live.ended, this.#readers.ended]),
      log: this.#log.counts(),
      groups: this.#groups.ledgers(),
    }
  }

  flush(): Promise<void> {
    return this.#log.flush()
  }

  topics(): readonly TopicStatus[] {
    return [...this.#log.state.topics.values()]
      .filter(({ name }) => !name.startsWith('$'))
      .map(({ name, first, next }) => ({ topic: name, first, next }))
  }

  groups(): Promise<readonly GroupStatus[]> {
    return this.#groups.list()
  }

  seekGroup(name: string, pattern: string, position: GroupPosition): Promise<void> {
    return this.#groups.seek(name, pattern, position)
  }

  pauseGroup(name: string, pattern: string): void {
    this.#groups.pause(name, pattern, true)
  }

  resumeGroup(name: string, pattern: string): void {
    this.#groups.pause(name, pattern, false)
  }

  removeGroup(name: string, pattern: string): Promise<void> {
    return this.#groups.remove(name, pattern)
  }

  compact(): Promise<CompactionReport> {
    return this.#log.compactor.compact()
  }

  snapshot(dir: string): Promise<void> {
    return this.#log.snapshot(dir)
  }

  async reopen(): Promise<void> {
    if (this.#closed !== undefined) throw new BrokerClosedError('reopen')
    await this.#log.close()
    const log = Log.open(this.#dir, this.#settings, this)
    this.#log = log
    this.#relay.renew(log)
    this.#publisher.renew(log)
    this.#readers.renew(log)
    this.#groups.renew(log)
  }

  drain(options?: DrainOptions): Promise<DrainReport> {
    this.#drained ??= this.#drain(options)
    return this.#drained
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  /** Records below `seq` may be seen. */
  visible(seq: number): void {
    this.#relay.visible(seq)
    this.#readers.notify()
    this.#groups.notify()
  }

  evicted(_seq: number, _count: number): void {
    this.#readers.notify()
    this.#groups.notify()
  }

  compactionFailed(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error)
    const subscription = { id: 'log', pattern: '>' }
    this.#live.observers.emit('warning', { code: 'compaction-failed', text, subscription })
  }

  async #drain(options: DrainOptions | undefined): Promise<DrainReport> {
    const { clock } = this.#settings
    const timeoutMs = duration('timeoutMs', options?.timeoutMs, defaultTimeoutMs)
    const since = clock.now()
    this.#publisher.refuse()
    if (this.#log.failed === undefined) await this.#log.flush()
    const left = Math.max(0, timeoutMs - (clock.now() - since))
    const before = this.#readers.delivered
    const [report, finished] = await Promise.all([
      this.#live.drain({ timeoutMs: left }),
      this.#readers.drain({ timeoutMs: left }),
    ])
    await this.close()
    return {
      complete: report.complete && finished,
      delivered: report.delivered + this.#readers.delivered - before,
      dropped: report.dropped,
      durationMs: clock.now() - since,
    }
  }

  async #close(): Promise<void> {
    this.#publisher.refuse()
    this.#readers.close()
    await this.#live.close()
    await this.#groups.close()
    await this.spill?.close()
    await this.#log.close()
    await this.#release()
  }
}
