import type { Retention } from '../contract.ts'
import type { GroupSnapshot } from '../format/snapshot.ts'
import type { SealedSegment } from '../recovery/directory.ts'

/**
 * The oldest sealed segments that `retention` does not keep. The newest one always stays: its seal holds the groups,
 * producers and offsets of everything before it, which the next open needs. Age is counted from a segment's last record, whose time
 * never runs backwards; a clock that was set back makes segments younger, so it removes nothing.
 */
export function outlived(
  retention: Retention,
  segments: readonly SealedSegment[],
  groups: readonly GroupSnapshot[],
  log: { readonly activeBase: number; readonly nextSeq: number; readonly nowMs: number },
): readonly SealedSegment[] {
  const { ageMs, bytes, count } = retention
  const { activeBase, nextSeq, nowMs } = log
  const neededFrom = Math.min(...groups.map((group) => group.cursor), Number.POSITIVE_INFINITY)
  let total = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  let removed = 0
  for (const [index, segment] of segments.slice(0, -1).entries()) {
    const endSeq = segments[index + 1]?.baseSeq ?? activeBase
    const tooOld = ageMs !== undefined && nowMs - segment.lastMs > ageMs
    const tooLarge = bytes !== undefined && total > bytes
    const tooMany = count !== undefined && nextSeq - endSeq >= count
    if (!(tooOld || tooLarge || tooMany) || endSeq > neededFrom) break
    total -= segment.bytes
    removed++
  }
  return segments.slice(0, removed)
}
