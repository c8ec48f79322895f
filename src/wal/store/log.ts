import type { LogCounts, RecoveryReport } from '../contract.ts'
import { CommitQueue } from '../commit/commit-queue.ts'
import type { Batch, Waiter } from '../commit/batch.ts'
import type { Engine, JobDone } from '../commit/engine.ts'
import { InlineEngine } from '../commit/inline-engine.ts'
import { WorkerEngine } from '../commit/worker-engine.ts'
import type { LogFailedError } from '../errors.ts'
import type { RecordExtras } from '../format/batch-builder.ts'
import { Encoding } from '../format/layout.ts'
import type { GroupSnapshot } from '../format/snapshot.ts'
import {
  firstsTopic,
  groupKey,
  groupsTopic,
  type LogState,
  type TopicFirst,
  type TopicState,
} from '../recovery/log-state.ts'
import { sealedForGood } from '../recovery/directory.ts'
import { type OpenedLog, openLog } from '../recovery/open-log.ts'
import { segmentName } from '../segment/names.ts'
import { SegmentWriter } from '../segment/segment-writer.ts'
import { Compactor } from './compactor.ts'
import { copyLog } from './copy-log.ts'
import { LogReader } from './log-reader.ts'
import { ManifestFile } from './manifest-file.ts'
import type { LogSettings } from './open-options.ts'
import { Payloads } from './payload.ts'
import { outlived } from './retention.ts'
import { SegmentFiles } from './segment-files.ts'
import type { SourceLog } from './source-log.ts'

/** Zeros are written this far ahead of the records, when there is time. */
const zeroAheadBytes = 1024 * 1024
const arenaBytes = 2 * 1024 * 1024
/** How long nothing is published before the log notes that all of it is durable. */
const idleMs = 50

/** Hears of what happens to a log. */
export interface LogEvents {
  /** Records became visible: all below `seq`. */
  visible(seq: number): void
  /** Retention removed the records below `seq`, `count` of them. */
  evicted(seq: number, count: number): void
  /** A compaction that nobody asked for has failed. */
  compactionFailed(error: unknown): void
}

/** A log that is open for writing: segments on disk, a queue of commits, readers. Knows nothing of subscriptions. */
export class Log implements SourceLog {
  readonly #dir: string
  readonly #settings: LogSettings
  readonly #events: LogEvents
  readonly report: RecoveryReport
  readonly state: LogState
  readonly payloads: Payloads
  readonly files: SegmentFiles
  readonly compactor: Compactor
  readonly #manifest: ManifestFile
  readonly #queue: CommitQueue
  readonly #bytesBefore: number
  #cancelSync: (() => void) | undefined
  #idleTimer: ReturnType<typeof setTimeout> | undefined
  /** Changes with every append, so that the idle timer can tell whether there was one. */
  #noted = 0
  #closed = false

  private constructor(
    dir: string,
    settings: LogSettings,
    events: LogEvents,
    opened: OpenedLog,
    engine: (done: JobDone) => Engine,
  ) {
    this.#dir = dir
    this.#settings = settings
    this.#events = events
    this.#manifest = new ManifestFile(settings.fileSystem, dir, opened.manifest)
    this.report = opened.report
    this.state = opened.state
    this.payloads = new Payloads(settings.codec)
    this.#queue = new CommitQueue(opened.state, opened.start, opened.sealed, engine, {
      ...settings,
      arenaBytes,
      now: () => settings.clock.now(),
      later: (commit, after) => (after === 'turn' ? process.nextTick(commit) : setImmediate(commit)),
      visible: (seq) => this.#becameVisible(seq),
      sealed: () =>
        queueMicrotask(() => {
          this.retain()
          this.compactor.segmentSealed()
        }),
    })
    const queue = this.#queue
    const state = this.state
    this.#bytesBefore = opened.start.position
    this.files = new SegmentFiles(settings.fileSystem, dir, {
      segments: queue.segments,
      get activeBase() {
        return queue.activeBase
      },
      get activeIndex() {
        return state.index
      },
    })
    this.compactor = this.#newCompactor()
  }

  #newCompactor(): Compactor {
    const parts = {
      ...{ dir: this.#dir, manifest: this.#manifest, files: this.files, source: this },
      segments: this.#queue.segments,
      groups: () => [...this.state.groups.values()],
      announce: (firsts: readonly TopicFirst[]) => this.#announce(firsts),
    }
    return new Compactor(this.#settings, parts, (error) => this.#events.compactionFailed(error))
  }

  /** Opens the log, or makes one. The caller holds the directory's lock. */
  static open(dir: string, settings: LogSettings, events: LogEvents): Log {
    const { engine, fileSystem } = settings
    const opened = openLog(fileSystem, dir, settings.clock.now())
    const { start } = opened
    const engineFor = (done: JobDone): Engine =>
      engine === 'worker'
        ? new WorkerEngine(dir, start, zeroAheadBytes, done)
        : new InlineEngine(new SegmentWriter(fileSystem, dir, start, 0), done)
    const log = new Log(dir, settings, events, opened, engineFor)
    log.retain()
    return log
  }

  get visible(): number {
    return this.#queue.visible
  }

  get startSeq(): number {
    return this.#manifest.current.startSeq
  }

  /** The sealed segments, oldest first, each with the number that the next one begins with. */
  get segments(): readonly { readonly baseSeq: number; readonly endSeq: number }[] {
    const { activeBase, segments } = this.#queue
    return segments.map(({ baseSeq }, index) => ({
      baseSeq,
      endSeq: segments[index + 1]?.baseSeq ?? activeBase,
    }))
  }

  get failed(): LogFailedError | undefined {
    return this.#queue.failed
  }

  get logId(): string {
    return this.#manifest.current.logId
  }

  recent(seq: number): Batch | undefined {
    const batch = this.#queue.arena.find(seq)
    return batch !== undefined && this.compactor.rewritten.has(batch.segment) ? undefined : batch
  }

  /** What is in memory from the record `seq` on is being read: it is not written to until that is told anew. */
  holdFrom(seq: number): void {
    this.#queue.arena.heldFrom = seq
  }

  reader(seq: number): LogReader {
    return new LogReader(this, seq)
  }

  /**
   * Adds a record; returns its sequence number, its offset is the topic's `next` before the call. The waiter hears
   * when it is as durable as `sync` asks. Throws when it cannot be taken; nothing is stored then.
   */
  append(
    topic: TopicState,
    encoding: Encoding,
    value: string | Uint8Array,
    extras: RecordExtras | undefined,
    sync: boolean,
    waiter: Waiter | undefined,
  ): number {
    const seq = this.state.nextSeq
    this.#queue.append(topic, encoding, value, extras, sync, waiter)
    this.#noted++
    return seq
  }

  /** Keeps what a group remembers, with the next commit. */
  keepGroup(group: GroupSnapshot, waiter?: Waiter): void {
    this.state.groups.set(groupKey(group), group)
    this.#appendGroup(group, waiter)
  }

  /** Forgets a group. */
  dropGroup(group: GroupSnapshot, waiter?: Waiter): void {
    this.state.groups.delete(groupKey(group))
    this.#appendGroup({ ...group, cursor: -1 }, waiter)
  }

  /** Resolves when everything appended before the call is durable. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.sync({ stored: resolve, failed: () => reject(this.failed) })
    })
  }

  /** Copies the log into a new directory. */
  async snapshot(to: string): Promise<void> {
    await this.flush()
    await copyLog(this.#settings.fileSystem, this.#dir, to, this.#manifest.current, this.#queue.activeBase)
  }

  counts(): LogCounts {
    const { segments } = this.#queue
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
    const appended = this.state.nextSeq
    const { compacted } = this.#manifest
    return {
      appended,
      evicted: this.startSeq,
      compacted,
      retained: appended - this.startSeq - compacted,
      bytes: bytes + this.#bytesBefore,
      segments: segments.length + 1,
      visible: this.visible,
    }
  }

  /** Removes the segments that the retention does not keep any more. */
  retain(): void {
    if (this.failed !== undefined || this.#closed) return
    const { clock, fileSystem, retention } = this.#settings
    const { segments } = this.#queue
    const groups = retention.keepFor === 'groups' ? [...this.state.groups.values()] : []
    const { activeBase } = this.#queue
    const log = { activeBase, nextSeq: this.state.nextSeq, nowMs: clock.now() }
    const removed = outlived(retention, sealedForGood(segments), groups, log)
    if (removed.length === 0) return
    const start = segments[removed.length]?.baseSeq ?? activeBase
    this.state.removeBefore(this.files.seal(start))
    const before = this.startSeq
    // The manifest first: a crash in between leaves files that the next open removes.
    this.#manifest.change({ startSeq: start })
    segments.splice(0, removed.length)
    for (const { baseSeq } of removed) {
      this.files.forget(baseSeq)
      fileSystem.unlink(`${this.#dir}/${segmentName(baseSeq)}`)
    }
    this.#events.evicted(start, start - before)
  }

  /** Writes what is open and a snapshot of everything else, so that the next open reads no records. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.compactor.stop()
    this.#cancelSync?.()
    clearTimeout(this.#idleTimer)
    const segment = segmentName(this.#queue.activeBase)
    let at: number | undefined
    if (this.failed === undefined) at = await this.#writeSnapshot()
    await this.#queue.close()
    this.files.close()
    if (at !== undefined && segmentName(this.#queue.activeBase) === segment)
      this.#manifest.change({ closed: { segment, at } })
  }

  /** Before messages go, the log remembers where their topics begin then. */
  async #announce(firsts: readonly TopicFirst[]): Promise<void> {
    const topic = this.state.topic(firstsTopic)
    for (const value of firsts) {
      this.state.takeFirst(value)
      this.append(topic, Encoding.text, JSON.stringify(value), undefined, true, undefined)
    }
    await this.flush()
    this.#events.evicted(this.startSeq, 0)
  }

  async #writeSnapshot(): Promise<number | undefined> {
    let at: number | undefined
    const isStored = await new Promise<boolean>((resolve) => {
      at = this.#queue.writeSnapshot({ stored: () => resolve(true), failed: () => resolve(false) })
    })
    return isStored ? at : undefined
  }

  #appendGroup(group: GroupSnapshot, waiter: Waiter | undefined): void {
    const text = JSON.stringify(group)
    const topic = this.state.topic(groupsTopic)
    this.append(topic, Encoding.text, text, undefined, this.#settings.sync === 'always', waiter)
  }

  #becameVisible(seq: number): void {
    if (this.#queue.dirty && this.#settings.sync !== 'os') this.#syncLater()
    this.#noteIdle()
    this.#events.visible(seq)
  }

  #syncLater(): void {
    this.#cancelSync ??= this.#settings.clock.schedule(() => {
      this.#cancelSync = undefined
      if (this.#queue.dirty) this.#queue.sync({ stored: () => undefined, failed: () => undefined })
    }, this.#settings.syncIntervalMs)
  }

  #noteIdle(): void {
    // A file system of the caller's own is nobody else's to read, and its writes are the caller's to count.
    if (this.#idleTimer !== undefined || !this.#settings.lock) return
    const noted = this.#noted
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = undefined
      if (this.#noted !== noted) this.#noteIdle()
      else if (!this.#queue.dirty) this.#queue.writeWatermark()
    }, idleMs)
    this.#idleTimer.unref()
  }
}
