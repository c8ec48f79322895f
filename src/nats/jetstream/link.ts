import type { NatsConnection } from '@nats-io/nats-core'
import type { Clock } from '../../core/clock.ts'
import type { Health } from '../../core/health.ts'
import { type ConnectionListener, ConnectionWatch } from '../connection-watch.ts'

/** Who hears of the connection: `up` after every reconnect, `closed` once. */
export interface LinkListener {
  up?(): void
  closed?(): void
}

/** The connection of a broker, for everybody in it who has to begin again when the server comes back. */
export class Link {
  readonly connection: NatsConnection
  readonly clock: Clock
  readonly #watch: ConnectionWatch
  readonly #listeners = new Set<LinkListener>()
  readonly #endings = new Set<Promise<void>>()
  #stopped = false

  constructor(connection: NatsConnection, clock: Clock, changed: () => void) {
    this.connection = connection
    this.clock = clock
    const tell = (what: keyof LinkListener): void => {
      for (const listener of this.#listeners) listener[what]?.()
      changed()
    }
    const listener: ConnectionListener = { down: changed, up: () => tell('up'), closed: () => tell('closed') }
    this.#watch = new ConnectionWatch(connection, clock, listener)
  }

  /** What is sent now reaches the server, as far as anybody can know. */
  get up(): boolean {
    return this.#watch.up
  }

  /** The connection, or the broker, has ended for good. */
  get over(): boolean {
    return this.#stopped || this.health().state === 'closed'
  }

  health(): Health {
    return this.#watch.health()
  }

  note(error: unknown): void {
    this.#watch.note(error)
  }

  /** Listeners hear in the order in which they were added: what is repeated goes before what is new. */
  add(listener: LinkListener): void {
    this.#listeners.add(listener)
  }

  remove(listener: LinkListener): void {
    this.#listeners.delete(listener)
  }

  /** Resolves after `ms`, or at once when the connection comes back or ends. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        cancel()
        this.#listeners.delete(listener)
        resolve()
      }
      const listener = { up: go, closed: go }
      const cancel = this.clock.schedule(go, ms, true)
      this.#listeners.add(listener)
    })
  }

  /** Something is being wound up: whoever ends the broker waits for it, for a while. It must not reject. */
  wind(up: Promise<void>): void {
    this.#endings.add(up)
    void up.then(() => this.#endings.delete(up))
  }

  /** Resolves when everything that is being wound up is. */
  async wound(): Promise<void> {
    await Promise.all(this.#endings)
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    for (const listener of [...this.#listeners]) listener.closed?.()
    this.#listeners.clear()
    this.#watch.stop()
  }
}
