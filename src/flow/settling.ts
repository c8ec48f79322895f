import { isThenable } from '../core/thenable.ts'
import type { Item } from './item.ts'
import type { Books, Fate } from './ledger.ts'
import type { Reports } from './reports.ts'

/** Acks what is done with and naks what is handed back, and counts it when the broker has confirmed that. */
export class Settling {
  readonly #books: Books
  readonly #reports: Reports
  readonly #confirmed: () => void

  /** `confirmed` runs when the broker has answered later than at once. */
  constructor(books: Books, reports: Reports, confirmed: () => void) {
    this.#books = books
    this.#reports = reports
    this.#confirmed = confirmed
  }

  settle(item: Item, fate: Fate): void {
    const { delivery } = item
    if (delivery === undefined) {
      this.#books[fate]++
      return
    }
    this.#books.settling++
    let answer: boolean | Promise<boolean>
    try {
      answer = fate === 'returned' ? delivery.nak() : delivery.ack()
    } catch {
      answer = false // the broker will deliver it again, as if it had been too late
    }
    if (!isThenable(answer)) return this.#answered(item, fate, answer)
    Promise.resolve(answer).then(
      (still) => {
        this.#answered(item, fate, still)
        this.#confirmed()
      },
      () => {
        this.#answered(item, fate, false)
        this.#confirmed()
      },
    )
  }

  #answered({ message }: Item, fate: Fate, still: boolean): void {
    this.#books.settling--
    this.#books[fate]++
    if (still || fate === 'returned') return
    this.#books.tooLate++
    this.#reports.emit('tooLate', { message })
  }
}
