import { Circuit } from './circuit.ts'
import type { HoldReason } from './observer.ts'
import type { Reports } from './reports.ts'
import type { FlowSettings } from './settings.ts'
import { TokenBucket } from './token-bucket.ts'

/** What decides whether anything is begun or taken at all, whichever message it is: holds, the circuit, the rate. */
export class Gates {
  readonly circuit: Circuit | undefined
  readonly #settings: FlowSettings
  readonly #reports: Reports
  /** Something may be possible that was not. */
  readonly #opened: () => void
  readonly #bucket: TokenBucket | undefined
  readonly #holds = new Set<HoldReason>()
  #cancelRefill: (() => void) | undefined

  constructor(settings: FlowSettings, reports: Reports, opened: () => void) {
    const { circuit, clock, rate } = settings
    this.#settings = settings
    this.#reports = reports
    this.#opened = opened
    this.#bucket = rate === undefined ? undefined : new TokenBucket(rate, clock)
    this.circuit = circuit === undefined ? undefined : new Circuit(circuit, clock, this.#circuitEvents())
  }

  get heldBy(): readonly HoldReason[] {
    return this.circuit === undefined || this.circuit.closed ? [...this.#holds] : [...this.#holds, 'circuit']
  }

  /** Whether an attempt may begin. */
  get open(): boolean {
    return this.#holds.size === 0 && (this.circuit === undefined || this.circuit.lets)
  }

  hold(reason: HoldReason): void {
    if (this.#holds.has(reason)) return
    this.#holds.add(reason)
    this.#reports.emit('held', { reason })
  }

  release(reason: HoldReason): void {
    if (!this.#holds.delete(reason)) return
    this.#reports.emit('released', { reason })
    this.#opened()
  }

  /** Whether the rate lets a message be taken; if not, `opened` runs when it does. */
  hasToken(): boolean {
    if (this.#bucket === undefined) return true
    const { waitMs } = this.#bucket
    if (waitMs === 0) return true
    this.#cancelRefill ??= this.#settings.clock.schedule(() => {
      this.#cancelRefill = undefined
      this.#opened()
    }, waitMs)
    return false
  }

  /** A message has been taken. */
  pass(): void {
    this.#bucket?.take()
  }

  dispose(): void {
    this.#cancelRefill?.()
    this.circuit?.stop()
  }

  #circuitEvents(): ConstructorParameters<typeof Circuit>[2] {
    return {
      opened: () => this.#reports.emit('held', { reason: 'circuit' }),
      probing: () => this.#opened(),
      closed: () => {
        this.#reports.emit('released', { reason: 'circuit' })
        this.#opened()
      },
    }
  }
}
