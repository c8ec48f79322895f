import { type MailboxCounts, noDrops } from '../core/ledger.ts'
import type { RecordSource } from './record-source.ts'

/** The books of a log's reader. The log is its buffer, so all that can be lost is what it has not read at its end. */
export class ReaderBooks {
  readonly #source: RecordSource
  delivered = 0
  #final: MailboxCounts | undefined

  constructor(source: RecordSource) {
    this.#source = source
  }

  counts(): MailboxCounts {
    if (this.#final !== undefined) return this.#final
    const { pending } = this.#source
    const { delivered } = this
    return { routed: delivered + pending, delivered, dropped: noDrops(), pending, waiting: 0 }
  }

  /** What the reader leaves behind stays in the log, so it was never its own: nothing was dropped. */
  close(): MailboxCounts {
    const { delivered } = this
    this.#final ??= { routed: delivered, delivered, dropped: noDrops(), pending: 0, waiting: 0 }
    return this.#final
  }
}
