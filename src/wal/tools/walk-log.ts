import { LogNewerError } from '../errors.ts'
import { RecordCursor } from '../format/batch-reader.ts'
import { BatchFlag } from '../format/layout.ts'
import { decodeManifest, type Manifest } from '../format/manifest.ts'
import type { FileSystem } from '../fs/file-system.ts'
import { segmentBases } from '../recovery/directory.ts'
import { snapshotIn } from '../recovery/seal.ts'
import { codeOf, readWholeFile } from '../segment/files.ts'
import { manifestName, segmentName } from '../segment/names.ts'
import type { ScannedBatch } from '../segment/scan.ts'
import { type Damage, type ExpectedSegment, type SegmentFinding, SegmentWalk } from './segment-walk.ts'

/** What a walk comes upon, in the order of the log. */
export type Finding =
  | SegmentFinding
  /** A segment begins. */
  | { readonly kind: 'segment'; readonly file: string; readonly bytes: number }

/** What is known after a walk. */
export interface WalkEnd {
  readonly manifest: Manifest | undefined
  /** The number the next record would get, as far as it could be read. */
  readonly nextSeq: number
}

/**
 * Walks the whole log in `dir` from the segment that holds `fromSeq`, changing and locking nothing, and checks every
 * byte: checksums, the chain of batches, offsets of topics, seals, MANIFEST. It goes on behind damage.
 *
 * @throws LogNewerError when a newer version wrote it
 */
export function* walkLog(fs: FileSystem, dir: string, fromSeq = 0): Generator<Finding, WalkEnd> {
  const { damage, manifest } = checkManifest(fs, dir)
  if (damage !== undefined) yield { kind: 'damage', damage: manifestDamage(damage) }
  const startSeq = manifest?.startSeq ?? 0
  const all = segmentBases(fs, dir).filter((base) => base >= startSeq)
  const bases = all.filter((_, index) => (all[index + 1] ?? Number.POSITIVE_INFINITY) > fromSeq)
  const offsets = new OffsetCheck()
  let nextSeq = bases.length === all.length ? startSeq : (bases[0] ?? startSeq)
  let closeFound = manifest?.closed === undefined || manifest.closed.segment !== segmentName(all.at(-1) ?? 0)
  let before: SegmentWalk | undefined
  let bytesBefore: number | undefined
  if (bases.length === 0 && manifest !== undefined)
    yield missing(startSeq, undefined, 'there is a MANIFEST but no segment')
  for (const [index, baseSeq] of bases.entries()) {
    const name = segmentName(baseSeq)
    const isKnown = before === undefined || !before.damaged
    if (baseSeq !== nextSeq && isKnown && (manifest !== undefined || before !== undefined))
      yield missing(nextSeq, baseSeq, 'the segment is missing')
    const isRewritten = manifest?.rewritten?.some(([base]) => base === bases[index - 1]) ?? false
    const adjoins = baseSeq === nextSeq && before?.sealed === true && !isRewritten
    const expected: ExpectedSegment = {
      name,
      baseSeq,
      nextBase: bases[index + 1],
      logId: manifest?.logId ?? before?.header?.logId,
      previousBytes: adjoins ? bytesBefore : undefined,
    }
    const file = fs.open(`${dir}/${name}`, 'read')
    try {
      bytesBefore = file.size()
      yield { kind: 'segment', file: name, bytes: bytesBefore }
      before = new SegmentWalk(file, expected)
      for (const finding of before.findings()) {
        yield finding
        if (finding.kind === 'damage') offsets.forget()
        if (finding.kind !== 'batch') continue
        const { batch } = finding
        if (manifest?.closed?.segment === name && manifest.closed.at === batch.position)
          closeFound ||= (batch.header.flags & BatchFlag.control) !== 0
        const what = offsets.check(batch)
        const damage = { file: name, position: batch.position, fromSeq: batch.header.baseSeq }
        if (what !== undefined) yield { kind: 'damage', damage: { ...damage, toSeq: damage.fromSeq, what } }
      }
      nextSeq = before.nextSeq
    } finally {
      file.close()
    }
  }
  if (!closeFound && before?.damaged === false)
    yield { kind: 'damage', damage: manifestDamage('the close it names cannot be found', nextSeq) }
  return { manifest, nextSeq }
}

function checkManifest(
  fs: FileSystem,
  dir: string,
): { readonly manifest?: Manifest; readonly damage?: string } {
  try {
    const decoded = decodeManifest(readWholeFile(fs, `${dir}/${manifestName}`))
    if ('newer' in decoded) throw new LogNewerError(manifestName, `format ${decoded.newer}`)
    return decoded
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    return { damage: 'there is no MANIFEST' }
  }
}

function manifestDamage(what: string, seq = 0): Damage {
  return { file: manifestName, position: 0, fromSeq: seq, toSeq: seq, what }
}

function missing(fromSeq: number, toSeq: number | undefined, what: string): Finding {
  return { kind: 'damage', damage: { file: segmentName(fromSeq), position: 0, fromSeq, toSeq, what } }
}

/** The offsets of each topic must follow each other without gaps, and seals must agree with them. */
class OffsetCheck {
  readonly #next = new Map<string, number>()
  readonly #cursor = new RecordCursor()

  forget(): void {
    this.#next.clear()
  }

  check(batch: ScannedBatch): string | undefined {
    const { header } = batch
    if ((header.flags & BatchFlag.control) !== 0) return this.#agree(batch)
    if ((header.flags & BatchFlag.compacted) !== 0) this.forget()
    if (header.recordCount === 0 || (header.flags & BatchFlag.compacted) !== 0) return undefined
    this.#cursor.open(batch.buffer, batch.view, batch.at, header)
    for (const { count, firstOffset, name } of this.#cursor.entries) {
      const expected = this.#next.get(name)
      this.#next.set(name, firstOffset + count)
      if (expected !== undefined && expected !== firstOffset)
        return `offset ${firstOffset} of "${name}" follows ${expected - 1}`
    }
    return undefined
  }

  #agree(batch: ScannedBatch): string | undefined {
    for (const { name, next } of snapshotIn(batch)?.topics ?? []) {
      const expected = this.#next.get(name)
      if (expected !== undefined && expected !== next)
        return `its snapshot says ${next} for "${name}", whose next offset is ${expected}`
    }
    return undefined
  }
}
