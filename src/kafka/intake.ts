import type { Clock } from '../core/clock.ts'
import { isLiteral } from '../core/topic.ts'
import type { ConsumerDriver } from './driver.ts'
import type { TopicWatch } from './topic-watch.ts'

/** How long it waits before it tries again what the server did not do, in milliseconds. */
const againMs = 500

interface Parts {
  readonly pattern: string
  readonly topics: TopicWatch
  readonly clock: Clock
  /** Makes a client; a new one each time, because one that could not connect is of no more use. */
  readonly consumer: () => ConsumerDriver
  /** Once, before the first client is made. Rejects while the server cannot be asked. */
  readonly prepare: (topics: readonly string[]) => Promise<void>
  /** It cannot go on: `prepare` rejected with something that trying again does not help. */
  readonly failed: (error: unknown) => void
  readonly isFinal: (error: unknown) => boolean
  readonly trouble: (error: unknown) => void
}

/**
 * Keeps one consumer on the topics of a pattern: begins when there are any, and takes in those that are made later. One
 * step at a time, each repeated until the server has done it.
 */
export class Intake {
  readonly #parts: Parts
  /** Settles when it knows where to begin, or has ended. */
  readonly prepared: Promise<void>
  readonly #watching: Disposable
  #driver: ConsumerDriver | undefined
  #topics: readonly string[] = []
  #turn: Promise<void>
  #prepared = false
  #ended = false
  #wake: (() => void) | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#watching = parts.topics.watch(() => this.#next())
    this.prepared = this.#prepare()
    this.#turn = this.prepared.then(() => this.#adjust())
  }

  get pattern(): string {
    return this.#parts.pattern
  }

  get driver(): ConsumerDriver | undefined {
    return this.#driver
  }

  /** Takes nothing new in, waits for the step that is under way, and leaves the group. */
  async end(): Promise<void> {
    this.#ended = true
    this.#watching[Symbol.dispose]()
    this.#wake?.()
    const { driver } = this
    await driver?.stop()
    await this.#turn
    if (this.#driver !== driver) await this.#driver?.stop()
    this.#driver = undefined
  }

  #next(): void {
    this.#turn = this.#turn.then(() => this.#adjust())
  }

  async #prepare(): Promise<void> {
    const { failed, isFinal, pattern, prepare, topics, trouble } = this.#parts
    while (!this.#ended && !this.#prepared) {
      try {
        if (isLiteral(pattern)) await topics.exists(pattern)
        else await topics.look()
        await prepare(topics.matching(pattern))
        this.#prepared = true
      } catch (error) {
        if (isFinal(error)) {
          this.#ended = true
          failed(error)
        } else {
          trouble(error)
          await this.#pause()
        }
      }
    }
  }

  async #adjust(): Promise<void> {
    const { consumer, pattern, topics, trouble } = this.#parts
    while (!this.#ended) {
      const wanted = topics.matching(pattern)
      if (wanted.length === this.#topics.length) return // topics are only ever added
      try {
        if (this.#driver === undefined) await this.#start(consumer(), wanted)
        else await this.#driver.resubscribe(wanted)
        this.#topics = wanted
      } catch (error) {
        trouble(error)
        await this.#pause()
      }
    }
  }

  async #start(driver: ConsumerDriver, topics: readonly string[]): Promise<void> {
    this.#driver = driver // it may be assigned partitions before it says that it has started
    try {
      await driver.start(topics)
    } catch (error) {
      this.#driver = undefined
      await driver.stop()
      throw error
    }
  }

  async #pause(): Promise<void> {
    if (this.#ended) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      this.#parts.clock.schedule(resolve, againMs)
    })
    this.#wake = undefined
  }
}
