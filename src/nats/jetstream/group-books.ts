import type { GroupLedger } from '../../core/ledger.ts'
import type { GroupName } from './consumer-name.ts'

/** What can become of a delivery. */
export type Outcome = 'acked' | 'nacked' | 'expired' | 'returned'

/** What the members of one group in this broker have done with what they were given. */
export class GroupBooks {
  readonly name: GroupName
  #delivered = 0
  readonly #outcomes: Record<Outcome, number> = { acked: 0, nacked: 0, expired: 0, returned: 0 }

  constructor(name: GroupName) {
    this.name = name
  }

  deliver(): void {
    this.#delivered++
  }

  settle(outcome: Outcome): void {
    this.#outcomes[outcome]++
  }

  get ledger(): GroupLedger {
    const { acked, expired, nacked, returned } = this.#outcomes
    const inFlight = this.#delivered - acked - expired - nacked - returned
    return { ...this.name, delivered: this.#delivered, ...this.#outcomes, inFlight }
  }
}
