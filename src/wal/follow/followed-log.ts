import { LogNewerError } from '../errors.ts'
import { BatchFlag, batchHeaderBytes, batchMagic, segmentHeaderBytes } from '../format/layout.ts'
import { compactedIn, type Manifest } from '../format/manifest.ts'
import type { File, FileSystem } from '../fs/file-system.ts'
import { readManifest, readSegmentHeader, type SealedSegment, segmentBases } from '../recovery/directory.ts'
import { LogState } from '../recovery/log-state.ts'
import { readSeal, snapshotIn } from '../recovery/seal.ts'
import { codeOf, readFully } from '../segment/files.ts'
import { segmentName } from '../segment/names.ts'
import { BatchScan, type ScannedBatch } from '../segment/scan.ts'
import { LogReader } from '../store/log-reader.ts'
import type { Payloads } from '../store/payload.ts'
import { SegmentFiles } from '../store/segment-files.ts'
import type { SourceLog } from '../store/source-log.ts'
import type { FollowLevel } from './contract.ts'

/** The active segment as far as it has been taken in. */
interface Active {
  readonly file: File
  readonly salt: number
  position: number
  previousCrc: number | undefined
  /** Everything before it was durable, as the newest batch seen says. */
  durable: number
}

/**
 * A log that another process may be writing to, read without taking or changing anything. `advance` looks for what has
 * been appended. A batch that is not whole yet is one that is being written: it is looked at again next time.
 */
export class FollowedLog implements SourceLog {
  readonly state: LogState = new LogState()
  readonly payloads: Payloads
  readonly files: SegmentFiles
  readonly #fs: FileSystem
  readonly #dir: string
  readonly #level: FollowLevel
  readonly #sealed: SealedSegment[] = []
  #manifest: Manifest
  #activeBase: number
  #active: Active

  /** @throws LogCorruptError when it cannot be read, LogNewerError when a newer version wrote it, ENOENT */
  constructor(fs: FileSystem, dir: string, payloads: Payloads, level: FollowLevel) {
    this.#fs = fs
    this.#dir = dir
    this.#level = level
    this.payloads = payloads
    const manifest = readManifest(fs, dir)
    if (manifest === undefined)
      throw Object.assign(new Error(`there is no log in ${dir}`), { code: 'ENOENT' })
    this.#manifest = manifest
    this.#activeBase = manifest.startSeq
    const sealed = this.#sealed
    const live = (): number => this.#activeBase
    const { state } = this
    this.files = new SegmentFiles(fs, dir, {
      segments: sealed,
      get activeBase() {
        return live()
      },
      get activeIndex() {
        return state.index
      },
    })
    this.#active = this.#load()
    this.advance()
  }

  get logId(): string {
    return this.#manifest.logId
  }

  get startSeq(): number {
    return this.#manifest.startSeq
  }

  /** Everything that was taken in may be read. */
  get visible(): number {
    return this.state.nextSeq
  }

  get segments(): readonly { readonly baseSeq: number; readonly endSeq: number }[] {
    const bases = [...this.#sealed.map(({ baseSeq }) => baseSeq), this.#activeBase]
    return this.#sealed.map(({ baseSeq }, index) => ({ baseSeq, endSeq: bases[index + 1] ?? baseSeq }))
  }

  /** Bytes of all segments, as far as they hold something. */
  get bytes(): number {
    return this.#sealed.reduce((sum, segment) => sum + segment.bytes, this.#active.position)
  }

  /** Records that rewriting has removed from segments that are there. */
  get compacted(): number {
    return compactedIn(this.#manifest)
  }

  recent(): undefined {
    return undefined
  }

  reader(seq: number): LogReader {
    return new LogReader(this, seq)
  }

  /** Takes in what has been appended, and what retention has removed; true when there was anything. */
  advance(): boolean {
    const before = this.state.nextSeq
    const startBefore = this.startSeq
    this.#notice()
    while (this.#scan());
    return this.state.nextSeq > before || this.startSeq > startBefore
  }

  close(): void {
    this.#active.file.close()
    this.files.close()
  }

  /** Takes in what the seals say, and where the active segment begins. */
  #load(): Active {
    const bases = segmentBases(this.#fs, this.#dir).filter((base) => base >= this.startSeq)
    this.#sealed.length = 0
    for (const base of bases.slice(0, -1)) {
      const { snapshot, bytes } = readSeal(this.#fs, this.#dir, base, this.logId)
      this.#sealed.push({ baseSeq: base, bytes, lastMs: snapshot.timeMs })
      this.state.restore(snapshot)
    }
    this.#activeBase = bases.at(-1) ?? this.startSeq
    this.state.beginSegment()
    const active = this.#openActive()
    this.#takeClosed(this.#manifest, active)
    this.#removeBefore()
    return active
  }

  #openActive(): Active {
    const name = segmentName(this.#activeBase)
    const file = this.#fs.open(`${this.#dir}/${name}`, 'read')
    const { salt } = readSegmentHeader(file, name)
    return { file, salt, position: segmentHeaderBytes, previousCrc: 0, durable: segmentHeaderBytes }
  }

  /** A log that was closed cleanly need not be read: its last batch says everything. */
  #takeClosed({ closed }: Manifest, active: Active): void {
    if (closed === undefined || closed.segment !== segmentName(this.#activeBase)) return
    const scan = new BatchScan(active.file, active.salt, closed.at)
    const batch = scan.next()
    const snapshot = batch === undefined ? undefined : snapshotIn(batch)
    if (snapshot === undefined) return
    this.state.restore(snapshot)
    active.position = scan.position
    active.previousCrc = scan.previousCrc
    active.durable = scan.position
  }

  /** A clean close has synced everything before its last batch. */
  #noticeClose({ closed }: Manifest): void {
    if (closed?.segment === segmentName(this.#activeBase))
      this.#active.durable = Math.max(this.#active.durable, closed.at)
  }

  /** Reads on in the active segment; true when it was sealed and there is a next one to read. */
  #scan(): boolean {
    const active = this.#active
    if (!this.#begun(active)) return false
    if (this.#level === 'synced') this.#learnDurable(active)
    const limit = this.#level === 'synced' ? active.durable : Number.POSITIVE_INFINITY
    const scan = this.#scanFrom(active)
    while (scan.position < limit) {
      const batch = scan.next()
      if (batch === undefined) break
      if (scan.position > limit) break
      this.#take(batch)
      active.position = scan.position
      active.previousCrc = scan.previousCrc
      if ((batch.header.flags & BatchFlag.seal) !== 0) return this.#rotate(batch, scan.position)
    }
    if (scan.end?.reason === 'newer')
      throw new LogNewerError(`${segmentName(this.#activeBase)} at byte ${scan.end.position}`, scan.end.what)
    return false
  }

  /** Whether a batch begins where it has come to. */
  #begun({ file, position }: Active): boolean {
    const head = Buffer.alloc(batchHeaderBytes)
    return readFully(file, head, position) === batchHeaderBytes && head.readUInt32LE(0) === batchMagic
  }

  /** A segment is synced when it is sealed; before, each batch says how much was durable when it was written. */
  #learnDurable(active: Active): void {
    const scan = this.#scanFrom(active)
    for (let batch = scan.next(); batch !== undefined; batch = scan.next()) {
      active.durable = Math.max(active.durable, batch.position - batch.header.durableBack)
      const isSeal = (batch.header.flags & BatchFlag.seal) !== 0
      if (isSeal && this.#isThere(batch.header.baseSeq)) active.durable = scan.position
    }
  }

  #scanFrom({ file, position, previousCrc, salt }: Active): BatchScan {
    return new BatchScan(file, salt, position, previousCrc, this.state.nextSeq)
  }

  #take(batch: ScannedBatch): void {
    const snapshot = snapshotIn(batch)
    if (snapshot === undefined) this.state.apply(batch)
  }

  #rotate(seal: ScannedBatch, bytes: number): boolean {
    const base = this.#activeBase
    const snapshot = snapshotIn(seal)
    if (snapshot === undefined || !this.#isThere(snapshot.nextSeq)) return false
    this.#sealed.push({ baseSeq: base, bytes, lastMs: snapshot.timeMs })
    this.#active.file.close()
    this.#activeBase = snapshot.nextSeq
    this.state.beginSegment()
    this.#active = this.#openActive()
    return true
  }

  #isThere(base: number): boolean {
    return segmentBases(this.#fs, this.#dir).includes(base)
  }

  /** Retention says in MANIFEST what it has removed. */
  #notice(): void {
    let manifest: Manifest | undefined
    try {
      manifest = readManifest(this.#fs, this.#dir)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
    if (manifest === undefined) return
    const { startSeq } = this
    this.#manifest = manifest
    this.#noticeClose(manifest)
    if (manifest.startSeq === startSeq) return
    for (const { baseSeq } of this.#sealed) if (baseSeq < manifest.startSeq) this.files.forget(baseSeq)
    if (manifest.startSeq > this.#activeBase) {
      this.#active.file.close()
      this.files.forget(this.#activeBase)
      this.#active = this.#load() // it was left behind by whole segments
    } else {
      while ((this.#sealed[0]?.baseSeq ?? manifest.startSeq) < manifest.startSeq) this.#sealed.shift()
      this.#removeBefore()
    }
  }

  #removeBefore(): void {
    const [oldest] = this.#sealed
    if (oldest !== undefined) this.state.removeBefore(this.files.seal(oldest.baseSeq))
  }
}
