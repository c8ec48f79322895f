import type { Clock } from '../core/clock.ts'
import type { CircuitSettings } from './settings.ts'

/** Whom a circuit tells of its changes. */
export interface CircuitEvents {
  opened(): void
  /** Attempts may begin again. */
  probing(): void
  closed(): void
}

/**
 * Keeps a consumer from going on against something that is broken. Closed: counts failures. Open: nothing is begun.
 * Half open: a few attempts are let through as probes; when all succeed it closes, when one fails it opens for twice
 * as long.
 */
export class Circuit {
  /** Attempts carry the number of the phase they began in: what an earlier phase began decides nothing any more. */
  phase = 0
  readonly #settings: CircuitSettings
  readonly #clock: Clock
  readonly #events: CircuitEvents
  #state: 'closed' | 'open' | 'half-open' = 'closed'
  #inRow = 0
  /** The last outcomes, true for failures, as a ring. */
  readonly #recent: boolean[] = []
  #at = 0
  #failedRecently = 0
  #openMs: number
  /** Probes begun, and succeeded, in this half-open phase. */
  #begun = 0
  #passed = 0
  #cancel: (() => void) | undefined

  constructor(settings: CircuitSettings, clock: Clock, events: CircuitEvents) {
    this.#settings = settings
    this.#clock = clock
    this.#events = events
    this.#openMs = settings.openMs
  }

  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** Whether an attempt may begin now. */
  get lets(): boolean {
    if (this.#state === 'closed') return true
    return this.#state === 'half-open' && this.#begun < this.#settings.probes
  }

  /** An attempt begins; returns the phase it belongs to. */
  begin(): number {
    if (this.#state === 'half-open') this.#begun++
    return this.phase
  }

  succeeded(phase: number): void {
    if (phase !== this.phase) return
    if (this.#state === 'half-open') {
      if (++this.#passed >= this.#settings.probes) this.#close()
      return
    }
    this.#inRow = 0
    this.#note(false)
  }

  failed(phase: number): void {
    if (phase !== this.phase) return
    if (this.#state === 'half-open') {
      this.#openMs = Math.min(this.#settings.maxOpenMs, this.#openMs * 2)
      this.#open()
      return
    }
    this.#inRow++
    this.#note(true)
    const { failures, rate, window } = this.#settings
    const full = this.#recent.length === window
    if (this.#inRow >= failures || (full && this.#failedRecently / window >= rate)) this.#open()
  }

  /** An attempt ended without saying anything about the health of what it works with. */
  unclear(phase: number): void {
    if (phase === this.phase && this.#state === 'half-open') this.#begun--
  }

  stop(): void {
    this.#cancel?.()
  }

  #note(failed: boolean): void {
    if (this.#settings.rate > 1) return
    if (this.#recent[this.#at] === true) this.#failedRecently--
    this.#recent[this.#at] = failed
    if (failed) this.#failedRecently++
    this.#at = (this.#at + 1) % this.#settings.window
  }

  #open(): void {
    const news = this.#state === 'closed'
    this.phase++
    this.#state = 'open'
    this.#cancel = this.#clock.schedule(() => this.#halfOpen(), this.#openMs)
    if (news) this.#events.opened()
  }

  #halfOpen(): void {
    this.phase++
    this.#state = 'half-open'
    this.#begun = 0
    this.#passed = 0
    this.#events.probing()
  }

  #close(): void {
    this.phase++
    this.#state = 'closed'
    this.#openMs = this.#settings.openMs
    this.#inRow = 0
    this.#recent.length = 0
    this.#at = 0
    this.#failedRecently = 0
    this.#events.closed()
  }
}
