import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises'
import type { DrainReport, MemoryBroker, MemoryPolicy, TopicPublisher } from '../core/contract.ts'
import { type Ledger, type MailboxCounts, sumCounts } from '../core/ledger.ts'
import { createBroker } from '../core/memory-broker.ts'
import { type Outcome, predict, type Setting } from '../predict/index.ts'
import { PacedConsumer, type Tick } from '../predict/paced-consumer.ts'
import { PacedPublisher } from '../predict/paced-publisher.ts'
import { checkSetting } from '../predict/setting.ts'
import { measure } from '../predict/simulate.ts'
import { Timetable } from '../predict/timetable.ts'
import { AgeMeter } from './age-meter.ts'
import type { DemoLog } from './demo-log.ts'

export interface DemoSettings {
  readonly publishPerSecond: number
  readonly drainPerSecond: number
  readonly capacity: number
  readonly seconds: number
  readonly keys: number
}

/** One row of the demo: a subscription with its policy, and what feeds it. */
export interface Lane {
  readonly overflow: MemoryPolicy
  readonly setting: Setting
  readonly consumer: PacedConsumer
  readonly publisher: PacedPublisher
  readonly ages: AgeMeter
}

/** What a run has come to. `predicted` is for the time it really took. */
export interface DemoResult {
  readonly seconds: number
  readonly interrupted: boolean
  /** Schedule that was left undone because the machine is too slow for it, in seconds. */
  readonly behindSeconds: number
  readonly rows: readonly {
    readonly overflow: MemoryPolicy
    readonly predicted: Outcome
    readonly measured: Outcome
  }[]
  /** The subscriber that reads the log. */
  readonly replay: { readonly predicted: Outcome; readonly measured: Outcome }
  /** Undefined unless interrupted. */
  readonly drained: DrainReport | undefined
  readonly ledger: Ledger
}

export interface DemoView {
  /** Called some times per second. */
  frame(seconds: number): void
  /** Called as often while an interrupted run drains. */
  draining(): void
}

/** How long consumers may go on after Ctrl-C. */
const drainMs = 2000
/** Work at a stretch: short, so that signals and the view get their turn. */
const sliceMs = 8
/** How late a run may be before what is left of its schedule is given up. */
const patienceSeconds = 1

/**
 * Five subscriptions on one topic with one publisher, one that reads the same from a log on the disk, and a blocking one
 * with its own topic and publisher.
 */
export class DemoRun {
  readonly lanes: readonly Lane[]
  readonly log: DemoLog
  readonly #settings: DemoSettings
  readonly #broker: MemoryBroker<Record<string, Tick>> = createBroker()
  readonly #timetable: Timetable
  #startMs = 0

  constructor(settings: DemoSettings, log: DemoLog) {
    this.#settings = settings
    this.log = log
    const shared = this.#open('demo.ticks', ['drop-newest', 'drop-oldest', 'latest'])
    const blocking = this.#open('demo.blocking', ['block'])
    const ending = this.#open('demo.ticks', ['fail', 'disconnect'])
    const fast = this.#publisher(log.before(this.#broker.topic('demo.ticks')), [...shared, ...ending])
    const slowed = this.#publisher(this.#broker.topic('demo.blocking'), blocking)
    this.lanes = [
      ...shared.map((lane) => ({ ...lane, publisher: fast })),
      ...blocking.map((lane) => ({ ...lane, publisher: slowed })),
      ...ending.map((lane) => ({ ...lane, publisher: fast })),
    ]
    this.#timetable = new Timetable([...this.lanes.map(({ consumer }) => consumer), log, fast, slowed])
  }

  /** The totals of all rows. */
  get counts(): MailboxCounts {
    const { mailboxes, ended } = this.#broker.ledger()
    return sumCounts([...mailboxes, ended])
  }

  /** Predictions for another time than that of the settings. */
  predict(seconds: number): readonly Outcome[] {
    return this.lanes.map(({ setting }) => predict({ ...setting, seconds }))
  }

  /** Runs for as long as the settings say, or until `signal` aborts; then drains. Called once. */
  async run(view: DemoView, signal: AbortSignal): Promise<DemoResult> {
    this.#startMs = performance.now()
    this.log.begin(this.#startMs)
    const done = await this.#goOn(view, signal)
    const seconds = Math.max(done, 1e-6)
    const measured = this.lanes.map(({ consumer, publisher, ages }) =>
      measure(consumer, publisher, seconds, ages.seconds),
    )
    const predicted = this.predict(seconds)
    const rows = this.lanes.map(({ overflow }, index) => ({
      overflow,
      predicted: predicted[index] as Outcome, // one per lane
      measured: measured[index] as Outcome,
    }))
    await this.log.settle()
    const replay = { predicted: this.log.predict(seconds), measured: this.log.measure() }
    const interrupted = signal.aborted
    const drained = interrupted ? await this.#drain(view, done) : undefined
    const ledger = this.#broker.ledger()
    await this.#broker.close()
    for (const { publisher } of this.lanes) publisher.throwIfFailed()
    const behindSeconds = interrupted ? 0 : this.#settings.seconds - done
    return { seconds, interrupted, behindSeconds, rows, replay, drained, ledger }
  }

  /** Does what is due as time passes; resolves to how far in the schedule it has come. */
  async #goOn(view: DemoView, signal: AbortSignal): Promise<number> {
    const { seconds } = this.#settings
    for (let done = 0; ;) {
      const elapsed = this.#elapsed
      const target = Math.min(elapsed, seconds)
      const isDone = await this.#advance(target)
      done = isDone ? target : Math.max(done, Math.min(target, this.#reached))
      view.frame(done)
      if (signal.aborted || done >= seconds || elapsed > seconds + patienceSeconds) return done
      await (isDone ? pause(1) : breathe())
    }
  }

  async #drain(view: DemoView, done: number): Promise<DrainReport> {
    const until = done + drainMs / 1000
    for (const { publisher } of this.lanes) publisher.stop()
    for (const { consumer } of this.lanes) consumer.extend(until)
    const drain = { over: false }
    const drained = this.#broker.drain({ timeoutMs: drainMs }).finally(() => {
      drain.over = true
    })
    const late = this.#elapsed - done
    while (!drain.over) {
      await this.#advance(Math.min(this.#elapsed - late, until))
      view.draining()
      await pause(1)
    }
    return drained
  }

  #advance(seconds: number): Promise<boolean> {
    const endMs = performance.now() + sliceMs
    return this.#timetable.advance(seconds, () => performance.now() < endMs)
  }

  get #elapsed(): number {
    return (performance.now() - this.#startMs) / 1000
  }

  /** The time of what comes next. */
  get #reached(): number {
    return this.#timetable.nextDue
  }

  #open(topic: string, policies: readonly MemoryPolicy[]): readonly Omit<Lane, 'publisher'>[] {
    const { keys, ...rest } = this.#settings
    return policies.map((overflow) => {
      const setting: Setting = overflow === 'latest' ? { ...rest, overflow, keys } : { ...rest, overflow }
      const ages = new AgeMeter(rest.seconds)
      const onAge = (ageMs: number): void => ages.add(ageMs, this.#elapsed)
      const consumer = new PacedConsumer(this.#broker, topic, checkSetting(setting), now, onAge)
      return { overflow, setting, consumer, ages }
    })
  }

  #publisher(
    topic: Pick<TopicPublisher<Tick>, 'publish'>,
    lanes: readonly Omit<Lane, 'publisher'>[],
  ): PacedPublisher {
    const consumers = lanes.map(({ consumer }) => consumer)
    return new PacedPublisher(topic, this.#settings, now, consumers)
  }
}

function now(): number {
  return performance.now()
}
