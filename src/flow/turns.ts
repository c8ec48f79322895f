import { InvalidOptionError } from '../core/errors.ts'
import type { Item } from './item.ts'
import { Lanes } from './lanes.ts'
import type { Fate } from './ledger.ts'
import { SeenIds } from './seen-ids.ts'
import type { FlowSettings } from './settings.ts'

/** Whom they tell whose turn it is. */
export interface TurnEvents {
  /** It may begin as soon as there is room. */
  ready(item: Item): void
  /** A message with its id has been handled. */
  duplicate(item: Item): void
  /** Its ordering key cannot be told. */
  unplaced(item: Item, error: unknown): void
}

/**
 * Decides when it is the turn of a message that has been taken: first among those with its key, then with its id. In this
 * order, or one that waits for its id would be overtaken by what came later with its key.
 */
export class Turns {
  readonly #events: TurnEvents
  readonly #orderingKey: FlowSettings['orderingKey']
  readonly #seen: SeenIds | undefined
  /** Messages with the same id, one at a time: whether the others are duplicates is known when it is done. */
  readonly #ids = new Lanes()
  readonly #keys = new Lanes()

  constructor({ clock, dedupe, orderingKey }: FlowSettings, events: TurnEvents) {
    this.#events = events
    this.#orderingKey = orderingKey
    this.#seen = dedupe === undefined ? undefined : new SeenIds(dedupe, clock)
  }

  /** Items that wait behind another. */
  get waiting(): number {
    return this.#ids.waiting + this.#keys.waiting
  }

  take(item: Item): void {
    if (this.#wasHandled(item)) return this.#events.duplicate(item)
    if (this.#orderingKey !== undefined) {
      let key: unknown
      try {
        key = checkKey(this.#orderingKey(item.message))
      } catch (error) {
        return this.#events.unplaced(item, error)
      }
      if (key !== undefined && key !== null) {
        item.key = key
        if (!this.#keys.enter(key, item)) return
      }
    }
    this.#enterId(item)
  }

  /** An item is done with: it is the turn of those behind it. */
  leave(item: Item, fate: Fate): void {
    if (item.id !== undefined) this.#leaveId(item.id, fate)
    if (item.key !== undefined) this.#leaveKey(item.key)
  }

  /** Empties it and returns those that waited. */
  clear(): Item[] {
    return [...this.#keys.clear(), ...this.#ids.clear()]
  }

  #wasHandled({ message }: Item): boolean {
    return this.#seen?.has(message.id) === true
  }

  /** It has its key. Whoever has an id waits for nothing more, so that these two cannot wait for each other. */
  #enterId(item: Item): void {
    if (this.#seen !== undefined) {
      item.id = item.message.id
      if (!this.#ids.enter(item.id, item)) return
    }
    this.#events.ready(item)
  }

  /** A loop, as a long line may be nothing but duplicates. */
  #leaveKey(key: unknown): void {
    for (let next = this.#keys.leave(key); next !== undefined; next = this.#keys.leave(key)) {
      if (!this.#wasHandled(next)) return this.#enterId(next)
      next.key = undefined // or it would leave the line a second time
      this.#events.duplicate(next)
    }
  }

  /** Those that waited for a message with the same id are duplicates when it was handled; otherwise it is their turn. */
  #leaveId(id: string, fate: Fate): void {
    if (fate === 'handled') this.#seen?.add(id)
    for (let next = this.#ids.leave(id); next !== undefined; next = this.#ids.leave(id)) {
      if (fate !== 'handled') return this.#events.ready(next)
      next.id = undefined // or it would leave the line a second time
      this.#events.duplicate(next)
    }
  }
}

/** An object would be a key of its own each time: a promise, say, of an `async` function. */
function checkKey(key: unknown): unknown {
  if ((typeof key !== 'object' || key === null) && typeof key !== 'function') return key
  throw new InvalidOptionError('orderingKey', key, 'Return a string, a number, or undefined.')
}
