/** A record as a group needs it. */
export interface GroupRecord {
  readonly seq: number
}

/** Where a group gets records that it has not begun. */
export interface GroupSource<R extends GroupRecord> {
  /** The next one at hand, in the order of their numbers. */
  take(): R | undefined
  /** The number it has come to: everything before it has been taken, or was never for the group. */
  readonly seq: number
}

export interface GroupSettings<R extends GroupRecord> {
  readonly ackDeadlineMs: number
  /** Deliveries that may be unsettled at once. */
  readonly maxInFlight: number
  readonly orderingKey: ((record: R) => string | undefined) | undefined
}

/** What a group must remember to go on later. */
export interface GroupMemory {
  readonly cursor: number
  /** Records acked beyond the cursor: from, to, from, to. */
  readonly acked: readonly number[]
}

/** Counts of a group. Always: delivered = acked + nacked + expired + returned + in flight. */
export interface GroupCounts {
  readonly delivered: number
  readonly acked: number
  readonly nacked: number
  /** The deadline passed first. */
  readonly expired: number
  /** The member left, or the group was moved, before it was settled. */
  readonly returned: number
  readonly inFlight: number
}

/** One attempt at a record, in the hands of a member. */
export class Delivery<R extends GroupRecord> {
  readonly record: R
  readonly attempt: number
  readonly member: object
  /** When it is taken back, in milliseconds as of the clock. */
  deadline: number

  constructor(record: R, attempt: number, member: object, deadline: number) {
    this.record = record
    this.attempt = attempt
    this.member = member
    this.deadline = deadline
  }
}
