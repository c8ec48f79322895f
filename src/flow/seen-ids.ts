import type { Clock } from '../core/clock.ts'
import type { DedupeSettings } from './settings.ts'

/** The ids of handled messages, as many and as long as the window says. */
export class SeenIds {
  readonly #settings: DedupeSettings
  readonly #clock: Clock
  /** Id → when it was handled; the oldest first. */
  readonly #ids = new Map<string, number>()

  constructor(settings: DedupeSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  has(id: string): boolean {
    const at = this.#ids.get(id)
    return at !== undefined && this.#clock.now() - at < this.#settings.windowMs
  }

  add(id: string): void {
    const now = this.#clock.now()
    this.#ids.delete(id) // or it would keep its old place
    this.#ids.set(id, now)
    for (const [oldest, at] of this.#ids) {
      if (this.#ids.size <= this.#settings.count && now - at < this.#settings.windowMs) return
      this.#ids.delete(oldest)
    }
  }
}
