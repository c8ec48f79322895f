import type { Transport } from 'spillway/conformance'

/** A transport with something behind it: a server, a network, a directory. */
export interface BackedTransport {
  /** Can be looked at before `start`; brokers are opened after it. */
  readonly transport: Transport
  /** Makes what is behind it. Rejects when that cannot be had here. */
  readonly start: () => Promise<void>
  /** Ends what `start` has made, also if it did not get to its end. */
  readonly end: () => Promise<void>
}
