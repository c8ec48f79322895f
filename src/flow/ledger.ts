import { LedgerImbalanceError } from '../core/errors.ts'

/** Messages that are inside a consumer. */
export interface InFlight {
  /** Taken and not begun: its key is busy, or nothing may be begun. */
  readonly queued: number
  /** In the hands of the handler. */
  readonly running: number
  /** Waiting for another attempt, or for their dead letter to be published. */
  readonly parked: number
  /** Their ack or nak is being confirmed. */
  readonly settling: number
}

/** Calls of the handler. A call beyond its deadline is `expired`, and `abandoned` while it has not settled. */
export interface AttemptCounts {
  readonly started: number
  readonly failed: number
  readonly expired: number
  readonly abandoned: number
}

/**
 * Where the messages that a consumer has taken went. Always:
 * `received = handled + duplicates + deadLettered + discarded + returned + Σ inFlight`.
 */
export interface ConsumerLedger {
  readonly received: number
  readonly handled: number
  /** Their id had been handled. */
  readonly duplicates: number
  readonly deadLettered: number
  /** Given up under `exhausted: 'discard'`. */
  readonly discarded: number
  /** Handed back unhandled. */
  readonly returned: number
  readonly inFlight: InFlight
  /** Of those above, messages whose ack came too late: the broker delivers them again. */
  readonly tooLate: number
  readonly attempts: AttemptCounts
}

/** What can become of a message. */
export type Fate = 'handled' | 'duplicates' | 'deadLettered' | 'discarded' | 'returned'

/** The counters of one consumer. */
export class Books {
  received = 0
  handled = 0
  duplicates = 0
  deadLettered = 0
  discarded = 0
  returned = 0
  queued = 0
  running = 0
  parked = 0
  settling = 0
  tooLate = 0
  started = 0
  failed = 0
  expired = 0
  abandoned = 0

  /** Messages that are inside. */
  get inside(): number {
    return this.queued + this.running + this.parked + this.settling
  }

  ledger(): ConsumerLedger {
    const { received, handled, duplicates, deadLettered, discarded, returned, tooLate } = this
    const { queued, running, parked, settling, started, failed, expired, abandoned } = this
    return {
      received,
      handled,
      duplicates,
      deadLettered,
      discarded,
      returned,
      inFlight: { queued, running, parked, settling },
      tooLate,
      attempts: { started, failed, expired, abandoned },
    }
  }
}

/** Throws `LedgerImbalanceError` naming the edge that does not add up. */
export function assertConsumerBalanced(ledger: ConsumerLedger): void {
  const { received, handled, duplicates, deadLettered, discarded, returned, inFlight } = ledger
  const { attempts, tooLate } = ledger
  const { queued, running, parked, settling } = inFlight
  const edge =
    'consumer: received = handled + duplicates + dead-lettered + discarded + returned + queued + running + parked + settling'
  const fates = handled + duplicates + deadLettered + discarded + returned
  check(edge, received, fates + queued + running + parked + settling)
  const { started, failed, expired, abandoned } = attempts
  if (failed > started) throw new LedgerImbalanceError('consumer: started ≥ failed', started, failed)
  const counts = [received, handled, duplicates, deadLettered, discarded, returned, tooLate]
  for (const count of [...counts, queued, running, parked, settling, started, failed, expired, abandoned]) {
    if (!Number.isSafeInteger(count) || count < 0)
      throw new LedgerImbalanceError('consumer: counts are ≥ 0', count, 0)
  }
}

function check(edge: string, left: number, right: number): void {
  if (left !== right) throw new LedgerImbalanceError(edge, left, right)
}
