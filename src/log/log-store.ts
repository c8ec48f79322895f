import type { Clock } from '../core/clock.ts'
import { InvalidOptionError } from '../core/errors.ts'
import { nameMessage, type Stamp } from '../core/memory-message.ts'
import { PatternIndex } from '../core/pattern-index.ts'
import { checkTopic, isLiteral, matches } from '../core/topic.ts'
import { AgeSweep } from './age-sweep.ts'
import type { LogBrokerOptions, LogLedger, LogTopic } from './contract.ts'
import { LogRecord } from './log-record.ts'
import { RetentionTable } from './retention.ts'
import { TopicLog } from './topic-log.ts'

/** Who wants to hear of topics that are new. */
export interface TopicWatcher {
  readonly pattern: string
  appeared(topic: TopicLog): void
}

/** The records of all topics, numbered in the order in which they were appended. */
export class LogStore {
  /** The place in the whole log of the next record. */
  nextSeq = 0
  readonly #limits: RetentionTable
  readonly #sizeOf: LogBrokerOptions['sizeOf']
  readonly #sweep: AgeSweep
  readonly #topics = new Map<string, TopicLog>()
  readonly #watchers = new PatternIndex<Set<TopicWatcher>>()

  constructor(options: LogBrokerOptions, clock: Clock) {
    this.#limits = new RetentionTable(options)
    this.#sizeOf = options.sizeOf
    this.#sweep = new AgeSweep(clock)
  }

  /** The log of a topic that is published to. Throws `InvalidTopicError`. */
  topic(name: string): TopicLog {
    return this.#topics.get(name) ?? this.#create(name)
  }

  /** Appends a message and returns it as a record. Throws what `sizeOf` throws, before anything is appended. */
  append(log: TopicLog, payload: unknown, stamp: Stamp, id: string | undefined): LogRecord {
    const record = new LogRecord(log.topic, payload, stamp, log.next, this.nextSeq)
    if (id !== undefined) nameMessage(record, id)
    const size = log.measured ? this.#measure(record) : 0
    this.nextSeq++
    if (log.ages) {
      const now = this.#sweep.now()
      log.append(record, size, now)
      this.#sweep.watch(log, now)
    } else {
      log.append(record, size, 0)
    }
    return record
  }

  /** The topics that a pattern matches, without what has reached its age; also those of which everything is evicted. */
  matching(pattern: string): readonly TopicLog[] {
    const topics = this.#select(pattern)
    const now = topics.some(({ ages }) => ages) ? this.#sweep.now() : 0
    for (const log of topics) if (log.ages) log.evictAged(now)
    return topics
  }

  topics(): readonly LogTopic[] {
    const used = [...this.#topics.values()].filter(({ next }) => next > 0)
    return used.map(({ topic, first, next }) => ({ topic, first, next }))
  }

  counts(): LogLedger['log'] {
    let [evicted, bytes] = [0, 0]
    for (const log of this.#topics.values()) {
      evicted += log.first
      bytes += log.bytes
    }
    return { appended: this.nextSeq, retained: this.nextSeq - evicted, evicted, bytes }
  }

  watch(watcher: TopicWatcher): void {
    let watchers = this.#watchers.get(watcher.pattern)
    if (watchers === undefined) {
      watchers = new Set()
      this.#watchers.set(watcher.pattern, watchers)
    }
    watchers.add(watcher)
  }

  unwatch(watcher: TopicWatcher): void {
    const watchers = this.#watchers.get(watcher.pattern)
    if (watchers?.delete(watcher) === true && watchers.size === 0) this.#watchers.delete(watcher.pattern)
  }

  /** Evicts by age no more. */
  stop(): void {
    this.#sweep.stop()
  }

  #select(pattern: string): readonly TopicLog[] {
    if (!isLiteral(pattern)) return [...this.#topics.values()].filter(({ topic }) => matches(pattern, topic))
    const only = this.#topics.get(pattern)
    return only === undefined ? [] : [only]
  }

  #create(name: string): TopicLog {
    checkTopic(name)
    const log = new TopicLog(name, this.#limits.find(name))
    this.#topics.set(name, log)
    for (const watchers of this.#watchers.match(name))
      for (const watcher of [...watchers]) watcher.appeared(log)
    return log
  }

  #measure(record: LogRecord): number {
    const size = this.#sizeOf?.(record) ?? 0
    if (!Number.isFinite(size) || size < 0)
      throw new InvalidOptionError('sizeOf', size, 'It must return a finite number of bytes ≥ 0.')
    if (record.seq !== this.nextSeq)
      throw new InvalidOptionError('sizeOf', this.#sizeOf, 'It must not publish.')
    return size
  }
}
