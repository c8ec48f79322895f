import type { ProducerSnapshot } from '../format/snapshot.ts'

/** What a publish was stored as. */
export interface StoredAs {
  readonly seq: number
  readonly offset: number
}

interface Producer {
  timeMs: number
  /** Newest last; sequences rise. */
  readonly entries: [sequence: number, seq: number, offset: number][]
}

/** How many of the last publishes of a producer are remembered, and of how many producers. */
const remembered = 64
const maxProducers = 10_000

/**
 * Remembers the last publishes of each producer, so that one repeated after a lost answer is not stored twice. The
 * window: the last 64 sequences of each of the 10 000 producers heard of last.
 */
export class ProducerTable {
  readonly #producers = new Map<string, Producer>()

  /** What `sequence` was stored as; `older` when it lies before the window; undefined when it is new. */
  find(id: string, sequence: number): StoredAs | 'older' | undefined {
    const entries = this.#producers.get(id)?.entries
    const last = entries?.at(-1)
    if (entries === undefined || last === undefined || sequence > last[0]) return undefined
    const found = entries.find((entry) => entry[0] === sequence)
    return found === undefined ? 'older' : { seq: found[1], offset: found[2] }
  }

  remember(id: string, sequence: number, seq: number, offset: number, timeMs: number): void {
    const producer = this.#producers.get(id) ?? { timeMs, entries: [] }
    this.#producers.delete(id) // and set again: the order of the map is who was heard of last
    this.#producers.set(id, producer)
    producer.timeMs = timeMs
    producer.entries.push([sequence, seq, offset])
    if (producer.entries.length > remembered) producer.entries.shift()
    if (this.#producers.size > maxProducers) this.#forgetOldest()
  }

  restore(snapshots: readonly ProducerSnapshot[]): void {
    for (const { id, timeMs, entries } of snapshots)
      this.#producers.set(id, { timeMs, entries: entries.map(([...entry]) => entry) })
  }

  snapshot(): readonly ProducerSnapshot[] {
    return [...this.#producers].map(([id, { timeMs, entries }]) => ({ id, timeMs, entries }))
  }

  #forgetOldest(): void {
    const oldest = this.#producers.keys().next()
    if (oldest.done !== true) this.#producers.delete(oldest.value)
  }
}
