import { SpillwayError } from '../core/errors.ts'

/**
 * The log holds bytes that were durable and are not what was written. Nothing was changed. `position` is the byte in
 * `segment` where the first damaged batch begins.
 */
export class LogCorruptError extends SpillwayError {
  override readonly name = 'LogCorruptError'
  override readonly code = 'SPW_LOG_CORRUPT'
  readonly file: string
  readonly position: number
  /** The lowest sequence number that may be damaged, where it is known. */
  readonly seq: number | undefined

  constructor(file: string, position: number, seq: number | undefined, what: string) {
    const from = seq === undefined ? '' : `, from sequence number ${seq} on`
    super(
      `${file} is damaged at byte ${position}${from}: ${what}. These bytes were durable, so this is not a torn tail ` +
        `and nothing was cut. Restore a backup, made with snapshot(); or let \`spillway wal verify\` show what is damaged, ` +
        `and \`spillway wal repair\` what cutting it would cost.`,
    )
    this.file = file
    this.position = position
    this.seq = seq
  }
}

/** The log was written by a newer version. It was not touched. */
export class LogNewerError extends SpillwayError {
  override readonly name = 'LogNewerError'
  override readonly code = 'SPW_LOG_NEWER'
  readonly file: string
  readonly found: string

  constructor(file: string, found: string) {
    super(
      `${file} was written by a newer version of Spillway (${found}). Upgrade to read it; it was not touched.`,
    )
    this.file = file
    this.found = found
  }
}

/** Another process has the directory open. */
export class LogLockedError extends SpillwayError {
  override readonly name = 'LogLockedError'
  override readonly code = 'SPW_LOG_LOCKED'
  readonly directory: string
  readonly pid: number | undefined

  constructor(directory: string, pid: number | undefined) {
    super(
      `${directory} is in use by ${pid === undefined ? 'another process' : `process ${pid}`}. One process writes to a log at a time: ` +
        `end that one, or use another directory.`,
    )
    this.directory = directory
    this.pid = pid
  }
}

/**
 * Writing or syncing failed, so the log takes nothing more until `reopen()`. `stored` tells what became of the message
 * whose publish rejects with this: `no`, or `unknown` when it may be found in the log after all.
 */
export class LogFailedError extends SpillwayError {
  override readonly name = 'LogFailedError'
  override readonly code = 'SPW_LOG_FAILED'
  readonly stored: 'no' | 'unknown'

  constructor(stored: 'no' | 'unknown', cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super(
      `The log could not be written (${why}) and takes nothing more. Reading goes on. Mend the disk, then call reopen(). ` +
        (stored === 'no' ? 'This message is not in it.' : 'This message may or may not be in it.'),
      { cause },
    )
    this.stored = stored
  }
}

/** Segments could not be rewritten. What is stored is untouched, and the log goes on. */
export class LogCompactionError extends SpillwayError {
  override readonly name = 'LogCompactionError'
  override readonly code = 'SPW_LOG_COMPACTION'

  constructor(cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super(`The log could not be compacted (${why}). It is as it was. Mend the disk, then compact() again.`, {
      cause,
    })
  }
}

/** A reader could not read: the disk failed, or a file is gone. The subscription has ended; what is stored is untouched. */
export class LogReadError extends SpillwayError {
  override readonly name = 'LogReadError'
  override readonly code = 'SPW_LOG_READ'

  constructor(cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super(`The log could not be read (${why}). Mend the disk, then subscribe again.`, { cause })
  }
}

/** More was published than the log could write: waiting for it would take more memory than `highWaterMark`. */
export class LogOverloadedError extends SpillwayError {
  override readonly name = 'LogOverloadedError'
  override readonly code = 'SPW_LOG_OVERLOADED'
  readonly pendingBytes: number

  constructor(pendingBytes: number, highWaterMark: number) {
    super(
      `${pendingBytes} bytes wait to be written, which is all that highWaterMark (${highWaterMark}) allows. Await your ` +
        `publishes, or flush() now and then. The message was not stored.`,
    )
    this.pendingBytes = pendingBytes
  }
}

/** One message is larger than the log takes. */
export class RecordTooLargeError extends SpillwayError {
  override readonly name = 'RecordTooLargeError'
  override readonly code = 'SPW_RECORD_TOO_LARGE'
  readonly topic: string
  readonly bytes: number

  constructor(topic: string, bytes: number, max: number) {
    super(
      `The message for "${topic}" needs ${bytes} bytes; maxRecordBytes is ${max}. Raise it, or store a reference.`,
    )
    this.topic = topic
    this.bytes = bytes
  }
}

/** A producer repeated a sequence so old that it is not remembered any more, so nobody can say whether it was stored. */
export class ProducerSequenceError extends SpillwayError {
  override readonly name = 'ProducerSequenceError'
  override readonly code = 'SPW_PRODUCER_SEQUENCE'
  readonly producer: string
  readonly sequence: number

  constructor(producer: string, sequence: number) {
    super(
      `Producer "${producer}" published sequence ${sequence}, which lies before the last 64 that are remembered of it. ` +
        `Nothing was stored. Sequences must rise; repeat a publish soon after it failed.`,
    )
    this.producer = producer
    this.sequence = sequence
  }
}
