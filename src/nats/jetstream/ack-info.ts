/** What the reply subject of a delivered message says. */
export interface AckInfo {
  readonly stream: string
  /** How often the consumer has delivered it, this time included. */
  readonly attempt: number
  /** Its number in the stream, from 1. */
  readonly seq: number
  /** Its number among the deliveries of the consumer, from 1. */
  readonly deliverySeq: number
  /** When it was stored, in milliseconds. */
  readonly timeMs: number
  /** Messages that the consumer has not delivered yet. */
  readonly pending: number
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<attempt>.<seq>.<delivery seq>.<time>.<pending>`; later servers put a domain and a
 * hash of the account before the stream.
 */
export function ackInfo(reply: string): AckInfo {
  const tokens = reply.split('.')
  const at = tokens.length > 9 ? 4 : 2
  return {
    stream: tokens[at] ?? '',
    attempt: Number(tokens[at + 2]),
    seq: Number(tokens[at + 3]),
    deliverySeq: Number(tokens[at + 4]),
    timeMs: Math.floor(Number(tokens[at + 5]) / 1e6),
    pending: Number(tokens[at + 6]),
  }
}
