import type { LogState } from '../recovery/log-state.ts'
import type { LogReader, ReadableLog } from './log-reader.ts'
import type { Payloads } from './payload.ts'

/** A log as its readers see it: one that is being written here, or one that another process writes. */
export interface SourceLog extends ReadableLog {
  readonly logId: string
  readonly state: LogState
  readonly payloads: Payloads
  /** The sealed segments, oldest first, each with the number that the next one begins with. */
  readonly segments: readonly { readonly baseSeq: number; readonly endSeq: number }[]
  reader(seq: number): LogReader
}
