import { GroupState } from '../../src/log/group/group-state.ts'
import type { GroupSnapshot } from '../../src/wal/format/snapshot.ts'
import { ManualClock } from '../support/manual-clock.ts'

/** What a scenario says about a group on its way. */
export type GroupNote =
  /** It is being made, or moved: from here on it is to be given what has this number or a higher one. */
  | { readonly placing: number }
  /** That is on the disk for good. */
  | { readonly placed: true }
  /** A member is about to ack. */
  | { readonly acking: number }
  /** Everything acked since it was placed is on the disk for good. */
  | { readonly remembered: true }
  /** The process ended without a word: acks that were not on the disk may be forgotten. */
  | { readonly killed: true }
  /** Recovery has found this of it, so it is on the disk for good. */
  | { readonly found: GroupSnapshot | undefined }

/** Where a group was placed, and what was acked since: at any time, since the last kill, and on the disk for good. */
interface Life {
  readonly from: number
  readonly acked: Set<number>
  readonly sure: Set<number>
  readonly remembered: Set<number>
}

/**
 * Throws when what was recovered of a group is none of the things that the notes allow. An ack may be forgotten, as it
 * goes to the disk with a later commit; it is never made up. So a group is given, from where it was placed last,
 * everything that it has not acked, nothing from before, and nothing whose ack was on the disk.
 */
export function checkGroup(
  notes: readonly GroupNote[],
  group: GroupSnapshot | undefined,
  records: readonly number[],
  nextSeq: number,
): void {
  let lives: Life[] = []
  /** While it was made and not yet known to be on the disk, it may be gone. */
  let mayBeGone = true
  let exactly: string | undefined
  for (const note of notes) {
    const life = lives.at(-1)
    if ('placing' in note) {
      lives.push({ from: note.placing, acked: new Set(), sure: new Set(), remembered: new Set() })
      exactly = undefined
    } else if ('found' in note) {
      exactly = JSON.stringify(note.found)
    } else if (life !== undefined && 'acking' in note) {
      life.acked.add(note.acking)
      life.sure.add(note.acking)
    } else if (life !== undefined && 'killed' in note) {
      life.sure.clear()
    } else if (life !== undefined) {
      // What it was before cannot come back.
      lives = [life]
      mayBeGone = false
      if ('remembered' in note) for (const seq of life.sure) life.remembered.add(seq)
    }
  }
  if (exactly !== undefined && JSON.stringify(group) !== exactly)
    throw new Error(`the group was found as ${exactly}, and is ${JSON.stringify(group)}`)
  if (group === undefined) {
    if (!mayBeGone) throw new Error('the group is forgotten')
    return
  }
  checkShape(group, nextSeq)
  const given = givenTo(group, records)
  const wrong = lives.map((life) => broken(life, given, records))
  if (!wrong.includes(undefined))
    throw new Error(`${wrong.at(-1) ?? 'nobody made the group'}: ${JSON.stringify(group)}`)
}

function checkShape({ acked, cursor, lost }: GroupSnapshot, nextSeq: number): void {
  if (cursor > nextSeq) throw new Error(`the cursor ${cursor} is beyond the end ${nextSeq}`)
  let last = -1
  for (const edge of acked) {
    if (edge <= last) throw new Error(`what is acked does not rise: ${acked.join(' ')}`)
    last = edge
  }
  if (last > nextSeq) throw new Error(`${last - 1} is acked, and the end is ${nextSeq}`)
  if (lost !== 0) throw new Error(`${lost} records are said to be lost`)
}

/** What a group with such a memory is given of the records. */
export function givenTo({ acked, cursor }: GroupSnapshot, records: readonly number[]): Set<number> {
  const left = records.filter((seq) => seq >= cursor)
  let next = 0
  const source = {
    take: () => {
      const seq = left[next++]
      return seq === undefined ? undefined : { seq }
    },
    get seq() {
      return left[next] ?? Number.POSITIVE_INFINITY
    },
  }
  const settings = { ackDeadlineMs: 1e9, maxInFlight: 1e9, orderingKey: undefined }
  const events = { work: () => undefined, changed: () => undefined }
  const state = new GroupState(new ManualClock(), settings, source, acked, events)
  const given = new Set<number>()
  for (let one = state.take(state); one !== undefined; one = state.take(state)) given.add(one.record.seq)
  state.close()
  return given
}

function broken(
  { acked, from, remembered }: Life,
  given: Set<number>,
  records: readonly number[],
): string | undefined {
  for (const seq of records) {
    const isGiven = given.has(seq)
    if (isGiven && seq < from) return `record ${seq} is given, from before ${from}`
    if (!isGiven && seq >= from && !acked.has(seq)) return `record ${seq} was never acked, and is not given`
    if (isGiven && remembered.has(seq)) return `record ${seq} is given, though its ack was on the disk`
  }
  return undefined
}
