/** One topic as a snapshot remembers it. */
export interface TopicSnapshot {
  readonly name: string
  /** The lowest offset retained and the next to be given. */
  readonly first: number
  readonly next: number
  /** What `next` was when the segment began: the lowest offset once the segments before it are removed. */
  readonly from: number
}

/** What a named group remembers; `acked` are ranges of sequence numbers beyond its cursor, as from and to pairs. */
export interface GroupSnapshot {
  readonly name: string
  readonly pattern: string
  readonly cursor: number
  readonly acked: readonly number[]
  /** Records removed by retention before the group had read them. */
  readonly lost: number
}

/** The last sequence of a producer and what it was stored as, newest last. */
export interface ProducerSnapshot {
  readonly id: string
  readonly timeMs: number
  readonly entries: readonly (readonly [sequence: number, seq: number, offset: number])[]
}

/**
 * Everything about a log that is not records, so that opening it need not read them. Stands at the end of every sealed
 * segment and of a log that was closed cleanly, as JSON in a control batch.
 */
export interface Snapshot {
  readonly version: 1
  readonly nextSeq: number
  readonly timeMs: number
  readonly topics: readonly TopicSnapshot[]
  readonly groups: readonly GroupSnapshot[]
  readonly producers: readonly ProducerSnapshot[]
  /** Every segment before this one: first sequence number, bytes when sealed, time of its last record. */
  readonly segments: readonly (readonly [baseSeq: number, bytes: number, lastMs: number])[]
  /** Of the segment it stands in: sequence number, position and time of a batch about every 48 KiB. */
  readonly index: readonly (readonly [seq: number, at: number, timeMs: number])[]
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  return Buffer.from(JSON.stringify(snapshot))
}

/** Decodes the body of a control batch whose checksum matched; returns undefined when it is not a snapshot. */
export function decodeSnapshot(body: Uint8Array): Snapshot | undefined {
  try {
    const snapshot = JSON.parse(utf8.decode(body)) as Snapshot
    return snapshot.version === 1 ? snapshot : undefined
  } catch {
    return undefined
  }
}
