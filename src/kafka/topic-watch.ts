import type { Clock } from '../core/clock.ts'
import { checkTopic, isLiteral, matches } from '../core/topic.ts'
import type { KafkaTopics } from './contract.ts'
import type { AdminDriver } from './driver.ts'
import { KafkaTopicError } from './errors.ts'

/** How often it asks again when the server does not answer, in milliseconds. */
const askAgainMs = 500
const longestName = 249

export interface TopicSettings {
  readonly create: boolean
  readonly partitions: number | undefined
  readonly replicas: number | undefined
  readonly config: NonNullable<KafkaTopics['config']>
  readonly refreshMs: number
}

interface Events {
  up(): void
  down(error: unknown): void
}

/**
 * The topics there are, as of the last look. It looks again every `refreshMs` while anybody watches, and tells them what
 * is new; and more often while the server does not answer, which is also how a broker learns that it is back.
 */
export class TopicWatch {
  readonly #admin: AdminDriver
  readonly #clock: Clock
  readonly #settings: TopicSettings
  readonly #events: Events
  readonly #known = new Set<string>()
  readonly #watchers = new Set<() => void>()
  #looking: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #down = false
  #closed = false

  constructor(admin: AdminDriver, clock: Clock, settings: TopicSettings, events: Events) {
    this.#admin = admin
    this.#clock = clock
    this.#settings = settings
    this.#events = events
  }

  /** The known topics of a pattern. Those that Kafka keeps for itself, and names that are no topics here, are in none. */
  matching(pattern: string): readonly string[] {
    if (isLiteral(pattern)) return this.#known.has(pattern) ? [pattern] : []
    return [...this.#known].filter((topic) => isOurs(topic) && matches(pattern, topic)).toSorted()
  }

  /** Whether a topic exists, or does now; false when it does not and must not be created. Rejects when it cannot be known. */
  async exists(topic: string): Promise<boolean> {
    if (this.#known.has(topic)) return true
    await this.look()
    if (this.#known.has(topic)) return true
    if (!this.#settings.create) return false
    const { config, partitions, replicas } = this.#settings
    await this.#admin.create({ topic, config, partitions, replicas })
    this.#learn([topic])
    return true
  }

  /** Known without asking. */
  knows(topic: string): boolean {
    return this.#known.has(topic)
  }

  /** A topic turned out not to be there any more. */
  forget(topic: string): void {
    this.#known.delete(topic)
  }

  /** Calls `changed` whenever topics are new. Dispose to stop. */
  watch(changed: () => void): Disposable {
    this.#watchers.add(changed)
    this.#arm(this.#settings.refreshMs)
    return {
      [Symbol.dispose]: () => {
        this.#watchers.delete(changed)
      },
    }
  }

  /** Looks now, or joins a look that is under way. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
    return this.#looking
  }

  /** The server did not answer somebody: keep asking until it does. */
  suspect(): void {
    if (this.#down || this.#closed) return
    this.#down = true
    this.#arm(askAgainMs)
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
    this.#cancel = undefined
    this.#watchers.clear()
  }

  async #look(): Promise<void> {
    try {
      const topics = await this.#admin.topics()
      this.#down = false
      this.#events.up()
      this.#learn(topics)
    } catch (error) {
      this.#down = true
      if (!this.#closed) this.#events.down(error)
      throw error
    } finally {
      this.#looking = undefined
      this.#arm(this.#down ? askAgainMs : this.#settings.refreshMs)
    }
  }

  #learn(topics: readonly string[]): void {
    const fresh = topics.filter((topic) => !this.#known.has(topic))
    for (const topic of fresh) this.#known.add(topic)
    if (fresh.length > 0) for (const watcher of [...this.#watchers]) watcher()
  }

  #arm(delayMs: number): void {
    if (this.#closed || (this.#watchers.size === 0 && !this.#down)) return
    this.#cancel?.()
    this.#cancel = this.#clock.schedule(() => void this.look().catch(() => undefined), delayMs, true) // told to `down`
  }
}

/** Throws `KafkaTopicError` for a topic that cannot be one of Kafka's. */
export function checkKafkaTopic(topic: string): void {
  if (topic.length > longestName) throw new KafkaTopicError(topic, `it has ${topic.length} characters`)
  const [odd] = /[^\w.-]/.exec(topic) ?? []
  if (odd !== undefined) throw new KafkaTopicError(topic, `it has the character ${JSON.stringify(odd)}`)
}

function isOurs(topic: string): boolean {
  if (topic.startsWith('__')) return false
  try {
    checkTopic(topic)
    return true
  } catch {
    return false
  }
}
