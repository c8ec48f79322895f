/** Somebody who acts at times of their own. */
export interface Actor {
  /** When it acts next, in seconds from the start; `Infinity` while it waits for another or has finished. */
  readonly due: number
  /** Acts, now being `due`. Nobody else acts before a returned promise has settled. */
  act(): Promise<void> | undefined
}

/** Lets actors act in the order of their times; of those due at the same instant, the first in the list. */
export class Timetable {
  readonly #actors: readonly Actor[]
  readonly #reach: (seconds: number) => void

  /** `reach` is told the time before each act. */
  constructor(actors: readonly Actor[], reach: (seconds: number) => void = () => undefined) {
    this.#actors = actors
    this.#reach = reach
  }

  /** Runs all that is due up to and including `seconds`, as long as `goOn` says so; resolves to false if it did not. */
  async advance(seconds: number, goOn: () => boolean = () => true): Promise<boolean> {
    let acts = 0
    for (let actor = this.#next(); actor.due <= seconds; actor = this.#next()) {
      if (!goOn()) return false
      this.#reach(actor.due)
      const settled = actor.act()
      if (settled !== undefined || ++acts % actsPerTurn === 0) await settled
    }
    return true
  }

  /** When the next act is due; `Infinity` if none is. */
  get nextDue(): number {
    return this.#next().due
  }

  #next(): Actor {
    let next: Actor = nobody
    for (const actor of this.#actors) if (actor.due < next.due) next = actor
    return next
  }
}

/** What the broker leaves to microtasks must run from time to time, or it piles up. */
const actsPerTurn = 64

const nobody: Actor = { due: Number.POSITIVE_INFINITY, act: () => undefined }
