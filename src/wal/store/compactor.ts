import { compactLog, type Removed } from '../compact/compact-log.ts'
import { Plan } from '../compact/plan.ts'
import type { CompactionReport } from '../contract.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import type { GroupSnapshot } from '../format/snapshot.ts'
import { type SealedSegment, sealedForGood } from '../recovery/directory.ts'
import type { TopicFirst } from '../recovery/log-state.ts'
import { compactName, segmentName } from '../segment/names.ts'
import type { ManifestFile } from './manifest-file.ts'
import type { LogSettings } from './open-options.ts'
import type { SegmentFiles } from './segment-files.ts'
import type { SourceLog } from './source-log.ts'

/** Without being asked, a segment is rewritten when at least so much of it goes. */
const worthwhile = 0.2

/** The parts of a log that a compaction works on. */
export interface CompactorParts {
  readonly dir: string
  readonly source: SourceLog
  readonly manifest: ManifestFile
  readonly files: SegmentFiles
  /** The sealed segments, oldest first. */
  readonly segments: SealedSegment[]
  readonly groups: () => readonly GroupSnapshot[]
  /** Resolves when it is on the disk that these topics begin there, and readers have been told. */
  readonly announce: (firsts: readonly TopicFirst[]) => Promise<void>
}

/** Runs compactions one after the other, when segments are sealed and when it is asked. */
export class Compactor {
  /** Segments that were rewritten since the log was opened. */
  readonly rewritten: Set<number> = new Set()
  readonly #settings: LogSettings
  readonly #parts: CompactorParts
  readonly #failed: (error: unknown) => void
  /** Settles when everything asked for so far is over. */
  #over: Promise<unknown> = Promise.resolve()
  /** One is asked for that has not begun. */
  #isDue = false
  #stopped = false

  constructor(settings: LogSettings, parts: CompactorParts, failed: (error: unknown) => void) {
    this.#settings = settings
    this.#parts = parts
    this.#failed = failed
  }

  /** A segment was sealed. */
  segmentSealed(): void {
    if (!this.#isAsked || !this.#settings.compactOnSeal || this.#isDue || this.#stopped) return
    this.#isDue = true
    this.#enqueue(worthwhile).catch((error: unknown) => this.#failed(error))
  }

  /** Compacts everything that can be; resolves with what was done. */
  async compact(): Promise<CompactionReport> {
    if (!this.#isAsked)
      throw new InvalidOptionError(
        'compaction',
        undefined,
        'Say what to compact when opening the broker: compaction.topics or retention.topics.',
      )
    return this.#enqueue(0)
  }

  /** Resolves when nothing is being rewritten any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#over
  }

  get #isAsked(): boolean {
    const { compaction, retention } = this.#settings
    return compaction !== undefined || retention.topics !== undefined
  }

  #enqueue(leastShare: number): Promise<CompactionReport> {
    const running = this.#over.then(() => this.#run(leastShare))
    this.#over = running.catch(noop)
    return running
  }

  #run(leastShare: number): Promise<CompactionReport> {
    const { clock, compaction, fileSystem, retention } = this.#settings
    const { dir, groups, segments, source } = this.#parts
    const plan = new Plan(retention.topics ?? {}, compaction, clock.now())
    this.#isDue = false
    const log = {
      ...{ fileSystem, dir, source, groups, keepFor: retention.keepFor },
      stopping: () => this.#stopped,
      // The newest one is what the next open begins with.
      candidates: () => sealedForGood(segments).slice(0, -1),
      announce: (removed: ReadonlyMap<string, Removed>) => this.#announce(removed),
      replace: (baseSeq: number, bytes: number, removed: number) => this.#replace(baseSeq, bytes, removed),
    }
    return compactLog(log, plan, leastShare)
  }

  async #announce(removed: ReadonlyMap<string, Removed>): Promise<void> {
    if (removed.size === 0) return
    await this.#parts.announce([...removed].map(([topic, where]) => ({ topic, ...where })))
  }

  /** Puts a rewritten segment in its place; the manifest first, so that its new length surprises nobody. */
  #replace(baseSeq: number, bytes: number, removed: number): boolean {
    const { dir, files, manifest, segments } = this.#parts
    const { fileSystem } = this.#settings
    const index = segments.findIndex((segment) => segment.baseSeq === baseSeq)
    const segment = segments[index]
    if (segment === undefined || this.#stopped) return false
    manifest.noteRewritten(baseSeq, removed)
    fileSystem.rename(`${dir}/${compactName}`, `${dir}/${segmentName(baseSeq)}`)
    fileSystem.syncDirectory(dir)
    files.forget(baseSeq)
    this.rewritten.add(baseSeq) // batches of it may still be in memory
    segments[index] = { ...segment, bytes }
    return true
  }
}

function noop(): void {}
