import type { BatchTopic } from '../format/batch-builder.ts'
import { RecordCursor, readParts } from '../format/batch-reader.ts'
import { BatchFlag } from '../format/layout.ts'
import type { GroupSnapshot, Snapshot } from '../format/snapshot.ts'
import type { ScannedBatch } from '../segment/scan.ts'
import { ProducerTable } from './producer-table.ts'

/** One topic of the log. */
export interface TopicState extends BatchTopic {
  /** The lowest offset retained. */
  first: number
  /** What `next` was when the active segment began. */
  from: number
}

/** Where the messages of a topic begin from now on: its limits take everything up to the record `seq`. */
export interface TopicFirst {
  readonly topic: string
  readonly first: number
  readonly seq: number
}

/** Where in a segment a batch begins, about every 48 KiB. */
export type IndexEntry = readonly [seq: number, at: number, timeMs: number]

/** The topic that holds the cursors of groups. Topics of users cannot begin with a dollar sign. */
export const groupsTopic = '$groups'
/** The topic that holds the first offsets of topics from which retention has taken more than whole segments. */
export const firstsTopic = '$topics'
const indexStep = 48 * 1024

/** What is known about a log besides its records: topics with their offsets, groups, producers, the active index. */
export class LogState {
  readonly topics: Map<string, TopicState> = new Map()
  readonly groups: Map<string, GroupSnapshot> = new Map()
  /** Of each topic with limits of its own, the last record that they took. */
  readonly removed: Map<string, number> = new Map()
  readonly producers: ProducerTable
  nextSeq = 0
  /** No batch is stamped earlier than the one before it, whatever the clock does. */
  lastMs = 0
  index: IndexEntry[] = []
  #indexedTo = 0
  readonly #cursor = new RecordCursor()

  constructor(producers: ProducerTable = new ProducerTable()) {
    this.producers = producers
  }

  topic(name: string): TopicState {
    let topic = this.topics.get(name)
    if (topic === undefined) {
      topic = { name, utf8: Buffer.from(name), first: 0, from: 0, next: 0, batch: 0, slot: 0 }
      this.topics.set(name, topic)
    }
    return topic
  }

  /** A new segment begins: its index is empty. */
  beginSegment(): void {
    this.index = []
    this.#indexedTo = 0
    for (const topic of this.topics.values()) topic.from = topic.next
  }

  /** Remembers that a batch begins at `at`, if the last one remembered is far enough away. */
  indexBatch(seq: number, at: number, timeMs: number): void {
    if (this.index.length > 0 && at - this.#indexedTo < indexStep) return
    this.index.push([seq, at, timeMs])
    this.#indexedTo = at
  }

  restore(snapshot: Snapshot): void {
    this.nextSeq = snapshot.nextSeq
    this.lastMs = snapshot.timeMs
    for (const { name, first, from, next } of snapshot.topics)
      Object.assign(this.topic(name), { first, from, next })
    for (const group of snapshot.groups) this.groups.set(groupKey(group), group)
    this.producers.restore(snapshot.producers)
    this.index = [...snapshot.index]
    this.#indexedTo = this.index.at(-1)?.[1] ?? 0
  }

  /** Limits of a topic are about to take its oldest records. */
  takeFirst({ first, seq, topic: name }: TopicFirst): void {
    const topic = this.topic(name)
    topic.first = Math.max(topic.first, first)
    this.removed.set(name, Math.max(seq, this.removed.get(name) ?? 0))
  }

  /** The segments before one are removed, whose snapshot says where its topics began. */
  removeBefore({ topics }: Snapshot): void {
    for (const { name, from } of topics) {
      const topic = this.topic(name)
      topic.first = Math.max(topic.first, from)
    }
  }

  snapshot(segments: Snapshot['segments']): Snapshot {
    return {
      version: 1,
      nextSeq: this.nextSeq,
      timeMs: this.lastMs,
      topics: [...this.topics.values()].map(({ name, first, from, next }) => ({ name, first, from, next })),
      groups: [...this.groups.values()],
      producers: this.producers.snapshot(),
      segments,
      index: this.index,
    }
  }

  /** Takes in a batch found on disk; returns what is wrong with it, if anything. */
  apply(batch: ScannedBatch): string | undefined {
    const { header } = batch
    this.lastMs = Math.max(this.lastMs, header.timeMs)
    if (header.recordCount === 0) return undefined
    const cursor = this.#cursor
    cursor.open(batch.buffer, batch.view, batch.at, header)
    if (cursor.damage !== undefined) return cursor.damage
    this.indexBatch(header.baseSeq, batch.position, header.timeMs)
    this.nextSeq = header.baseSeq + header.seqSpan
    let remembers = (header.flags & BatchFlag.producers) !== 0
    for (const entry of cursor.entries) {
      const topic = this.topic(entry.name)
      if ((header.flags & BatchFlag.compacted) === 0) topic.next = entry.firstOffset + entry.count
      remembers ||= entry.name === groupsTopic || entry.name === firstsTopic
    }
    if (remembers) while (cursor.advance()) this.#remember(cursor)
    return cursor.damage
  }

  #remember(cursor: RecordCursor): void {
    const { producer } = readParts(cursor)
    if (producer !== undefined)
      this.producers.remember(producer.id, producer.sequence, cursor.seq, cursor.offset, cursor.timeMs)
    if (cursor.topic !== groupsTopic && cursor.topic !== firstsTopic) return
    const value: unknown = JSON.parse(cursor.buffer.toString('utf8', cursor.valueAt, cursor.valueEnd))
    if (cursor.topic === firstsTopic) {
      this.takeFirst(value as TopicFirst)
      return
    }
    const group = value as GroupSnapshot
    if (group.cursor < 0) this.groups.delete(groupKey(group))
    else this.groups.set(groupKey(group), group)
  }
}

export function groupKey(group: Pick<GroupSnapshot, 'name' | 'pattern'>): string {
  return `${group.name} ${group.pattern}`
}
