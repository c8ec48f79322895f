import type { NatsConnection, Status } from '@nats-io/nats-core'
import type { Clock } from '../core/clock.ts'
import type { Health } from '../core/health.ts'

/** Hears of a connection. Each is called once per change; none may throw. */
export interface ConnectionListener {
  /** The server is gone, or does not answer. The client dials for as long as it was told to. */
  down(): void
  /** It is back. The client has subscribed again; what was published meanwhile is gone. */
  up(): void
  /** The connection has ended for good: its owner closed it, or the client gave up (`lastError`). */
  closed(): void
  /** The server has said what it does not like, such as a missing permission. */
  error?(error: Error): void
}

/** The one who reads the status of a connection for a broker, and knows how it stands. It never ends the connection. */
export class ConnectionWatch {
  readonly connection: NatsConnection
  readonly #clock: Clock
  readonly #listener: ConnectionListener
  readonly #statuses: AsyncIterable<Status> & { stop?: () => void }
  #state: Health['state']
  #sinceMs: number
  #server: string | undefined
  #reconnects = 0
  #lastError: string | undefined
  #stopped = false

  constructor(connection: NatsConnection, clock: Clock, listener: ConnectionListener) {
    this.connection = connection
    this.#clock = clock
    this.#listener = listener
    this.#sinceMs = clock.now()
    const closed = connection.isClosed()
    // A client that is dialling has no server to know anything about.
    this.#state = closed ? 'closed' : connection.info === undefined ? 'disconnected' : 'connected'
    this.#server = connection.getServer() || undefined
    this.#statuses = connection.status()
    if (closed) return
    void this.#read()
  }

  /** False while the client has no server: it would lose what it is given. */
  get up(): boolean {
    return this.#state === 'connected'
  }

  health(): Health {
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      server: this.#server,
      reconnects: this.#reconnects,
      lastError: this.#lastError,
    }
  }

  /** Notes what went wrong, for `health`. */
  note(error: unknown): void {
    this.#lastError = error instanceof Error ? error.message : String(error)
  }

  /** Hears nothing more and lets go of the connection. Idempotent. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#statuses.stop?.() // a return() would wait for the next status
    if (this.#state !== 'closed') this.#enter('closed')
  }

  async #read(): Promise<void> {
    for await (const status of this.#statuses) {
      if (this.#stopped) return
      this.#take(status)
    }
    if (this.#stopped) return
    // The client has ended. Asked before, its promise would keep this alive for as long as the connection lives.
    const error = await this.connection.closed()
    this.#closed(error ?? undefined)
  }

  #take(status: Status): void {
    switch (status.type) {
      case 'disconnect':
        return this.#down(status.server)
      case 'reconnect':
        return this.#up(status.server)
      case 'staleConnection':
        this.#lastError = 'the server did not answer pings'
        return undefined
      case 'error':
        this.note(status.error)
        return this.#listener.error?.(status.error)
      case 'ldm':
        this.#lastError = `${status.server} is about to shut down`
        return undefined
      case 'reconnecting':
      case 'update':
      case 'slowConsumer':
      case 'forceReconnect':
      case 'ping':
      case 'close':
        return undefined
    }
  }

  /** Here and below, only what is a change is said, whatever the client repeats. */
  #down(server: string): void {
    if (this.#state !== 'connected') return
    this.#server = server
    this.#enter('disconnected')
    this.#lastError ??= `the connection to ${server} was lost`
    this.#listener.down()
  }

  #up(server: string): void {
    if (this.#state !== 'disconnected') return
    this.#server = server
    this.#reconnects++
    this.#enter('connected')
    this.#listener.up()
  }

  #closed(error: Error | undefined): void {
    if (this.#stopped || this.#state === 'closed') return
    if (error !== undefined) this.note(error)
    this.#enter('closed')
    this.#listener.closed()
  }

  #enter(state: Health['state']): void {
    this.#state = state
    this.#sinceMs = this.#clock.now()
  }
}
