import type { SpillwayError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'

/** The records a reader of a log has before it, wherever they are kept. Belongs to one reader. */
export interface RecordSource {
  /** Records between the reader and the end of the log that it will get. */
  readonly pending: number
  /** Takes the next record if it is at hand; undefined when there is none, or when it must be fetched first. */
  take(): Message | undefined
  /** Takes up to `max` records that are at hand. */
  takeBatch(max: number): readonly Message[]
  /** Settles when it is worth looking again: records have come or have been fetched, or the source has failed or ended. */
  wait(): Promise<void>
  /** Settles what `wait` returned. */
  wake(): void
  /** Nothing beyond the present end of the log is wanted any more. */
  stop(): void
  /** True when everything up to where it was stopped has been taken. */
  readonly exhausted: boolean
  /** Why there is nothing more to take: retention has overtaken the reader, or the log is damaged. */
  readonly failure: SpillwayError | undefined
  /** Lets go of what it holds. */
  close(): void
}
