import type { SpillwayError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'

/**
 * The records one reader has before it, wherever they are kept: in a ring in memory, or in files. The subscriptions of
 * a log (`LogReaderSubscription`, `LogHandlerSubscription`) do everything else: the ways of reading, waiting, ends,
 * signals, drains, books.
 *
 * Reading is synchronous and waiting is not. A source that must fetch says there is nothing, fetches, and settles
 * `wait`. The reader then looks again. So `poll` returns what is at hand, `next`, `for await` and `batches` wait for
 * the rest.
 *
 * What a reader relies on:
 * - Records come in the order of the log, each once, none left out. What retention takes away before it was read is a
 *   `failure`.
 * - When nothing was taken, at least one of these holds: `failure` is set, `exhausted` is true, or the promise of the
 *   next `wait` stays open until one of the others or a new record makes looking again worth it. Anything else is a
 *   loop that never rests.
 * - Nothing here throws or rejects. What goes wrong is the `failure`; it never changes once it is set.
 */
export interface RecordSource {
  /** Records between the reader and the end of the log that it will get, as far as they are retained. */
  readonly pending: number
  /** Takes the next record if it is at hand; undefined when there is none, or when it must be fetched first. */
  take(): Message | undefined
  /** Takes up to `max` records that are at hand. The array is the reader's own. */
  takeBatch(max: number): readonly Message[]
  /** Settles when it is worth looking again: records have come or have been fetched, or the source has failed or ended. */
  wait(): Promise<void>
  /** Settles what `wait` returned. */
  wake(): void
  /** Nothing beyond the present end of the log is wanted any more. Idempotent. */
  stop(): void
  /** True when everything up to where it was stopped has been taken. Asked after each record: it must be quick. */
  readonly exhausted: boolean
  /** Why there is nothing more to take: retention has overtaken the reader, or the log is damaged. */
  readonly failure: SpillwayError | undefined
  /** Lets go of what it holds; nothing can be taken afterwards. Called once. */
  close(): void
}
