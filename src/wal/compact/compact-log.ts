import { matches } from '../../core/topic.ts'
import type { CompactionReport } from '../contract.ts'
import { LogCompactionError } from '../errors.ts'
import { RecordCursor } from '../format/batch-reader.ts'
import type { GroupSnapshot } from '../format/snapshot.ts'
import type { FileSystem } from '../fs/file-system.ts'
import { removeIfThere } from '../segment/files.ts'
import { compactName } from '../segment/names.ts'
import type { SourceLog } from '../store/source-log.ts'
import type { Plan } from './plan.ts'
import { eachBatch, rewriteSegment } from './rewrite-segment.ts'

/** What a compaction must know of the log it works on, and do to it. */
export interface CompactedLog {
  readonly fileSystem: FileSystem
  readonly dir: string
  readonly source: SourceLog
  readonly groups: () => readonly GroupSnapshot[]
  /** With `groups`, nothing goes that a group which reads the topic has not read. */
  readonly keepFor: 'groups' | undefined
  /** It is being closed. */
  readonly stopping: () => boolean
  /** Sealed segments that may be rewritten, oldest first. */
  readonly candidates: () => readonly { readonly baseSeq: number; readonly bytes: number }[]
  /** Notes, on the disk, that the records of these topics below these offsets are about to go. */
  readonly announce: (firsts: ReadonlyMap<string, Removed>) => Promise<void>
  /** Puts the new file in the place of the segment; false when that is not there any more. */
  readonly replace: (baseSeq: number, bytes: number, removed: number) => boolean
}

/** The last record of a topic that retention takes. */
export interface Removed {
  readonly first: number
  readonly seq: number
}

interface Measured {
  readonly removed: number
  readonly retained: ReadonlyMap<string, Removed>
  readonly byReason: { readonly retention: number; readonly compaction: number }
  readonly share: number
}

/**
 * Rewrites sealed segments without what retention per topic and compaction do not keep. A segment of which less than
 * `leastShare` of the bytes would go stays as it is. Readers go on meanwhile.
 */
export async function compactLog(
  log: CompactedLog,
  plan: Plan,
  leastShare: number,
): Promise<CompactionReport> {
  const total = { segments: 0, rewritten: 0, retention: 0, compaction: 0, bytesBefore: 0, bytesAfter: 0 }
  try {
    await seeAll(log, plan)
    const isUnread = unreadBy(log.groups())
    for (const { baseSeq, bytes } of log.candidates()) {
      if (log.stopping()) break
      total.segments++
      const reasons = decide(plan, isUnread, log.keepFor)
      const measured = await measure(log, baseSeq, bytes, reasons)
      if (measured.removed === 0 || measured.share < leastShare) continue
      const removes = new Set(measured.seqs)
      await log.announce(measured.retained)
      const after = await rewriteSegment(
        log.fileSystem,
        log.dir,
        baseSeq,
        (cursor) => !removes.has(cursor.seq),
      )
      if (!log.replace(baseSeq, after, measured.removed)) continue
      total.rewritten++
      total.retention += measured.byReason.retention
      total.compaction += measured.byReason.compaction
      total.bytesBefore += bytes
      total.bytesAfter += after
    }
    return total
  } catch (error) {
    throw new LogCompactionError(error)
  } finally {
    removeIfThere(log.fileSystem, `${log.dir}/${compactName}`)
  }
}

async function seeAll({ source, stopping }: CompactedLog, plan: Plan): Promise<void> {
  const reader = source.reader(source.startSeq)
  for (let header = await reader.next(); header !== undefined && !stopping(); header = await reader.next()) {
    const { cursor } = reader
    while (cursor.advance()) plan.see(cursor)
  }
}

type Decide = (cursor: RecordCursor) => 'retention' | 'compaction' | 'own' | undefined

function decide(
  plan: Plan,
  isUnread: (topic: string, seq: number) => boolean,
  keepFor: 'groups' | undefined,
): Decide {
  return (cursor) => {
    const reason = plan.reason(cursor)
    if (reason === undefined || reason === 'own') return reason
    // Limits of a topic always wait for its groups; what a newer message of its key supersedes goes, unless told to stay.
    const waits = reason === 'retention' || keepFor === 'groups'
    return waits && isUnread(cursor.topic, cursor.seq) ? undefined : reason
  }
}

function unreadBy(groups: readonly GroupSnapshot[]): (topic: string, seq: number) => boolean {
  return (topic, seq) => groups.some(({ cursor, pattern }) => seq >= cursor && matches(pattern, topic))
}

async function measure(
  log: CompactedLog,
  baseSeq: number,
  bytes: number,
  reasonOf: Decide,
): Promise<Measured & { readonly seqs: readonly number[] }> {
  const seqs: number[] = []
  const retained = new Map<string, Removed>()
  const byReason = { retention: 0, compaction: 0, own: 0 }
  const cursor = new RecordCursor()
  let gone = 0
  await eachBatch(log.fileSystem, log.dir, baseSeq, ({ at, buffer, header, view }) => {
    if (header.recordCount === 0) return
    cursor.open(buffer, view, at, header)
    while (cursor.advance()) {
      const reason = reasonOf(cursor)
      if (reason === undefined) continue
      byReason[reason]++
      seqs.push(cursor.seq)
      gone += cursor.valueEnd - cursor.partsAt
      if (reason === 'retention') retained.set(cursor.topic, { first: cursor.offset + 1, seq: cursor.seq })
    }
  })
  return { removed: seqs.length, seqs, retained, byReason, share: gone / bytes }
}
