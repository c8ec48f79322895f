import { SpillwayError } from './errors.ts'

/**
 * The record asked for has been removed by retention. `first` is the oldest that is left, `next` the offset that the
 * next one will get. A reader that falls behind retention while it reads ends with the same error.
 */
export class OffsetEvictedError extends SpillwayError {
  override readonly name = 'OffsetEvictedError'
  override readonly code = 'SPW_OFFSET_EVICTED'
  readonly topic: string
  readonly requested: number
  readonly first: number
  readonly next: number

  constructor(topic: string, requested: number, first: number, next: number) {
    super(
      `Offset ${requested} of "${topic}" is not retained any more: the log holds ${first} to ${next - 1}. Begin at "start" ` +
        `to read what is left, keep more, or read faster.`,
    )
    this.topic = topic
    this.requested = requested
    this.first = first
    this.next = next
  }
}

/** The record asked for does not exist yet, and asking for it is likely a mistake: only `next` may be waited for. */
export class OffsetOutOfRangeError extends SpillwayError {
  override readonly name = 'OffsetOutOfRangeError'
  override readonly code = 'SPW_OFFSET_OUT_OF_RANGE'
  readonly topic: string
  readonly requested: number
  readonly first: number
  readonly next: number

  constructor(topic: string, requested: number, first: number, next: number) {
    super(
      `Offset ${requested} of "${topic}" lies in the future: the log ends before ${next}. Use ${next} or "end" to wait for what ` +
        `comes.`,
    )
    this.topic = topic
    this.requested = requested
    this.first = first
    this.next = next
  }
}
