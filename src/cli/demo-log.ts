import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Subscription, TopicPublisher } from '../core/contract.ts'
import { noDrops } from '../core/ledger.ts'
import type { Message } from '../core/message.ts'
import type { Outcome } from '../predict/index.ts'
import type { Tick } from '../predict/paced-consumer.ts'
import type { Actor } from '../predict/timetable.ts'
import { type DurableBroker, type DurablePublisher, openDurableBroker } from '../wal/index.ts'
import { AgeMeter } from './age-meter.ts'
import type { DemoSettings } from './demo-run.ts'

const topic = 'demo.ticks'
/** Earlier demonstrations are kept up to this. */
const keptBytes = 64 * 1024 * 1024

/**
 * The subscriber that replays: every message also goes into a log on the disk, and this one reads it there, at the pace
 * of the others. Nothing is dropped and nobody waits; what grows is the age of what it gets.
 */
export class DemoLog implements Actor {
  /** Where the log is; undefined when it is gone with the demonstration. */
  readonly dir: string | undefined
  due: number
  readonly #broker: DurableBroker<Record<string, Tick>>
  readonly #topic: DurablePublisher<Tick>
  readonly #subscription: Subscription<Message<Tick>>
  readonly #settings: DemoSettings
  readonly #ages: AgeMeter
  readonly #remove: () => void
  #startMs = 0
  #published = 0
  #polls = 0
  #taken = 0

  private constructor(
    broker: DurableBroker<Record<string, Tick>>,
    settings: DemoSettings,
    dir: string | undefined,
    remove: () => void,
  ) {
    this.dir = dir
    this.#broker = broker
    this.#settings = settings
    this.#remove = remove
    this.#ages = new AgeMeter(settings.seconds)
    this.#topic = broker.topic(topic)
    const from = broker.topics().find((status) => status.topic === topic)?.next ?? 0
    this.#subscription = broker.subscribe(topic, { from })
    this.due = this.#plan()
  }

  /** Opens the log in `dir`, or a temporary one where that cannot be used: a demonstration is no reason to mend a disk. */
  static async open(dir: string, settings: DemoSettings): Promise<DemoLog> {
    const options = { retention: { bytes: keptBytes } }
    try {
      const broker = await openDurableBroker<Record<string, Tick>>(dir, options)
      return new DemoLog(broker, settings, dir, () => undefined)
    } catch {
      const other = mkdtempSync(join(tmpdir(), 'spillway-demo-'))
      const broker = await openDurableBroker<Record<string, Tick>>(other, options)
      return new DemoLog(broker, settings, undefined, () => rmSync(other, { recursive: true, force: true }))
    }
  }

  /** The time of the run is counted from now. */
  begin(startMs: number): void {
    this.#startMs = startMs
  }

  /** A publisher that puts each message into the log before it goes to `publisher`. */
  before(publisher: TopicPublisher<Tick>): Pick<TopicPublisher<Tick>, 'publish'> {
    return {
      publish: (tick, options) => {
        this.#topic.append(tick)
        this.#published++
        return publisher.publish(tick, options)
      },
    }
  }

  act(): undefined {
    this.#polls++
    this.due = this.#plan()
    this.#take()
  }

  /** Resolves when everything is on the disk and what was due has been taken. */
  async settle(): Promise<void> {
    await this.#broker.flush()
    this.#take()
  }

  predict(seconds: number): Outcome {
    const { drainPerSecond, publishPerSecond } = this.#settings
    const published = Math.floor(publishPerSecond * seconds)
    const delivered = Math.min(published, Math.floor(drainPerSecond * seconds))
    const behind = Math.max(0, 1 - drainPerSecond / publishPerSecond)
    return this.#outcome(published, delivered, 0.95 * behind * seconds)
  }

  measure(): Outcome {
    return this.#outcome(this.#published, this.#taken, this.#ages.seconds)
  }

  async close(): Promise<void> {
    await this.#broker.close()
    this.#remove()
  }

  /** A record may be seen a moment after it was appended; it is taken with the next. */
  #take(): void {
    while (this.#taken < this.#polls) {
      const message = this.#subscription.poll()
      if (message === undefined) return
      this.#taken++
      const nowMs = performance.now()
      this.#ages.add(nowMs - message.payload.at, (nowMs - this.#startMs) / 1000)
    }
  }

  #plan(): number {
    const due = (this.#polls + 1) / this.#settings.drainPerSecond
    return due > this.#settings.seconds ? Number.POSITIVE_INFINITY : due
  }

  #outcome(published: number, delivered: number, ageSeconds: number | undefined): Outcome {
    return {
      ...{
        published,
        unrouted: 0,
        delivered,
        dropped: noDrops(),
        pending: published - delivered,
        waiting: 0,
      },
      ...{ ageSeconds, secondsToFull: undefined, publisher: { waitingShare: 0, rejected: 0 } },
    }
  }
}
