import type { Clock } from '../core/clock.ts'
import type { Health } from '../core/health.ts'
import type { Observers } from '../core/observers.ts'

/** How the broker stands with the server: what the last request has said. Tells the observer of changes. */
export class HealthWatch {
  readonly #clock: Clock
  readonly #observers: Observers
  #state: Health['state'] = 'disconnected'
  #sinceMs: number
  #reconnects = 0
  #wasUp = false
  #lastError: string | undefined

  constructor(clock: Clock, observers: Observers) {
    this.#clock = clock
    this.#observers = observers
    this.#sinceMs = clock.now()
  }

  get health(): Health {
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      server: undefined, // a cluster: the client knows its members and does not tell
      reconnects: this.#reconnects,
      lastError: this.#lastError,
    }
  }

  up(): void {
    if (this.#state !== 'disconnected') return
    if (this.#wasUp) this.#reconnects++
    this.#wasUp = true
    this.#enter('connected')
  }

  down(error: unknown): void {
    this.#lastError = error instanceof Error ? error.message : String(error)
    if (this.#state === 'connected') this.#enter('disconnected')
  }

  close(): void {
    if (this.#state !== 'closed') this.#enter('closed')
  }

  #enter(state: Health['state']): void {
    this.#state = state
    this.#sinceMs = this.#clock.now()
    if (this.#observers.wants('connection')) this.#observers.emit('connection', this.health)
  }
}
