import type { GroupStatus } from '../contract.ts'
import type { GroupSnapshot } from '../format/snapshot.ts'
import type { SourceLog } from '../store/source-log.ts'
import { WalSource } from './wal-source.ts'

/** How far a group is behind, by what the log remembers of it. Reads what lies before it. */
export async function groupStatus(
  log: SourceLog,
  { acked, cursor, lost, name, pattern }: GroupSnapshot,
  nowMs: number,
): Promise<GroupStatus> {
  const start = { seq: Math.max(cursor, log.startSeq), minOffset: 0, skip: 0, fromMs: 0, before: 0 }
  // The ranges span what is not for the group as well, so it is records that are counted.
  const { count: lagMessages, oldestMs } = await new WalSource(log, pattern, start, ignore).survey(acked)
  const age = oldestMs === undefined ? 0 : Math.max(0, nowMs - oldestMs) / 1000
  const lagSeconds = lagMessages === 0 ? 0 : age
  return { name, pattern, cursor, lagMessages, lagSeconds, inFlight: 0, members: 0, paused: false, lost }
}

function ignore(): void {}
