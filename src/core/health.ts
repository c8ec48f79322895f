/** How a broker stands with its server. */
export interface Health {
  readonly state: 'connected' | 'disconnected' | 'closed'
  /** When it came into this state, in milliseconds since 1970. */
  readonly sinceMs: number
  /** The address of the server, as far as it is known. */
  readonly server: string | undefined
  /** How often the connection has come back. */
  readonly reconnects: number
  /** What went wrong last, for people. */
  readonly lastError: string | undefined
}
