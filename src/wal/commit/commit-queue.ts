import { LogFailedError } from '../errors.ts'
import { controlBatch, type RecordExtras } from '../format/batch-builder.ts'
import { type Encoding, segmentHeaderBytes } from '../format/layout.ts'
import { encodeSnapshot } from '../format/snapshot.ts'
import type { SegmentHeader } from '../format/segment-header.ts'
import type { LogState, TopicState } from '../recovery/log-state.ts'
import { nextHeader, type SealedSegment } from '../recovery/directory.ts'
import { sealOf } from '../recovery/seal.ts'
import type { WriterStart } from '../segment/segment-writer.ts'
import type { Arena } from './arena.ts'
import { addPart, type Batch, noticeTo, type Waiter } from './batch.ts'
import { type BatchLimits, BatchMaker } from './batch-maker.ts'
import type { Engine, Job, JobDone, JobFailure } from './engine.ts'

export interface CommitOptions extends BatchLimits {
  readonly segmentBytes: number
  /** Runs `commit` when the caller's turn is over; the queue asks once until it has run. */
  readonly later: (commit: () => void, after: 'turn' | 'events') => void
  /** Records became visible: all below `nextSeq`. */
  readonly visible: (nextSeq: number) => void
  /** A segment was sealed. */
  readonly sealed: (segment: SealedSegment) => void
}

interface Submitted {
  readonly bytes: number
  readonly batches: readonly Batch[]
  readonly sync: boolean
  readonly end: number
  readonly seal: SealedSegment | undefined
}

const maxJobBytes = 4 * 1024 * 1024
/** With so many publishers waiting, or so many bytes, the next write begins while the last one is still being synced. */
const overlapFrom = 256
const overlapBytes = 256 * 1024

/**
 * Gathers records into batches and batches into jobs for the engine: whatever arrives while one write is under way
 * goes out together with the next (group commit). A record is visible, and its waiter told, when the job that holds it
 * is done; a job is synced when anybody in it asked for that.
 */
export class CommitQueue {
  readonly #options: CommitOptions
  readonly #state: LogState
  readonly #engine: Engine
  readonly #maker: BatchMaker
  #header: SegmentHeader
  #position: number
  readonly segments: SealedSegment[]
  #closed: Batch[] = []
  #closedBytes = 0
  /** Publishers whose records have not been handed over. */
  #unsent = 0
  /** Somebody has published while a job was under way. */
  #crowded = false
  readonly #inFlight: Submitted[] = []
  #flyingBytes = 0
  #scheduled = false
  #failed: LogFailedError | undefined
  #visible: number
  /** Bytes written, and how far they are durable, counted from when the log was opened. */
  #written = 0
  #durable = 0
  readonly #commit = (): void => {
    this.#scheduled = false
    this.commit(false)
  }

  constructor(
    state: LogState,
    start: WriterStart,
    segments: readonly SealedSegment[],
    engine: (done: JobDone) => Engine,
    options: CommitOptions,
  ) {
    this.#state = state
    this.#header = start.header
    this.#position = start.position
    this.segments = [...segments]
    this.#options = options
    this.#visible = state.nextSeq
    this.#engine = engine((failure) => this.#done(failure))
    this.#maker = new BatchMaker(
      state,
      options,
      (bytes) => this.#engine.allocate(bytes),
      () => this.#closedBytes + this.#flyingBytes,
    )
  }

  get arena(): Arena {
    return this.#maker.arena
  }

  /** Records below it may be read. */
  get visible(): number {
    return this.#visible
  }

  get failed(): LogFailedError | undefined {
    return this.#failed
  }

  get activeBase(): number {
    return this.#header.baseSeq
  }

  /** True while something is written but not durable. */
  get dirty(): boolean {
    return this.#durable < this.#written
  }

  get idle(): boolean {
    return this.#inFlight.length === 0 && this.#maker.count === 0 && this.#closed.length === 0
  }

  /** Adds a record; its topic's offset counts on. Throws, having stored nothing, when it cannot be taken. */
  append(
    topic: TopicState,
    encoding: Encoding,
    value: string | Uint8Array,
    extras: RecordExtras | undefined,
    sync: boolean,
    waiter: Waiter | undefined,
  ): void {
    if (this.#failed !== undefined) throw this.#failed
    this.#maker.check(topic, value)
    if (!this.#maker.add(topic, encoding, value, extras)) {
      this.#closeOpen(true)
      if (this.#mayOverlap) this.#submit() // full batches need not wait for the caller's turn to end
      this.#maker.addAlone(topic, encoding, value, extras)
    }
    this.#maker.note(sync, waiter)
    if (waiter !== undefined) this.#unsent++
    this.#state.nextSeq++
    if (this.#inFlight.length > 0) this.#crowded = true
    this.#schedule()
  }

  /** Hands over what there is, if the engine has time for it; all of it when `now`. */
  commit(now: boolean): void {
    if (this.#failed !== undefined) return
    if (!now && !this.#mayOverlap) return
    this.#closeOpen()
    const most = now ? Number.POSITIVE_INFINITY : 2
    while (this.#closed.length > 0 && this.#inFlight.length < most) this.#submit()
  }

  /** Makes everything appended so far durable; the waiter hears when it is. */
  sync(waiter: Waiter): void {
    if (this.#failed !== undefined) return waiter.failed('no', this.#failed.cause)
    this.commit(true)
    this.#send({ parts: [], sync: true }, [noticeTo(waiter)], undefined)
  }

  /** Says on disk how far the log is durable, so that later damage is not taken for a torn tail. */
  writeWatermark(): void {
    if (this.#failed !== undefined || !this.idle) return
    this.#sendControl(
      controlBatch(0, new Uint8Array(0), this.#state.nextSeq, this.#state.lastMs),
      false,
      undefined,
    )
  }

  /** Writes everything, then a snapshot; `waiter` hears when it is durable. Returns where the snapshot stands. */
  writeSnapshot(waiter: Waiter): number {
    this.commit(true)
    const at = this.#position
    const body = encodeSnapshot(this.#state.snapshot(this.#segmentList()))
    this.#sendControl(controlBatch(0, body, this.#state.nextSeq, this.#state.lastMs), true, waiter)
    return at
  }

  /** Lets the engine finish. Nothing can be appended afterwards. */
  async close(): Promise<void> {
    this.#failed ??= new LogFailedError('no', new Error('the log was closed'))
    await this.#engine.close()
  }

  /** Small writes beside each other would only sync more often. */
  get #mayOverlap(): boolean {
    const flying = this.#inFlight.length
    const isMuch = this.#unsent >= overlapFrom || this.#closedBytes + this.#maker.bytes >= overlapBytes
    return flying === 0 || (flying === 1 && isMuch)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#options.later(this.#commit, this.#engine.atOnce === true ? 'events' : 'turn')
  }

  /** A full batch means that much is loaded: the thread that does so has time for checksums, the writer has not. */
  #closeOpen(isFull = false): void {
    const { baseSeq, salt } = this.#header
    const batch = this.#maker.close({ segment: baseSeq, position: this.#position, salt }, isFull)
    if (batch === undefined) return
    this.#state.indexBatch(batch.baseSeq, this.#position, batch.timeMs)
    this.#closed.push(batch)
    this.#closedBytes += batch.bytes.length
    this.#position += batch.bytes.length
    if (this.#position >= this.#options.segmentBytes) this.#rotate()
  }

  /** Seals the segment behind the batches closed so far. */
  #rotate(): void {
    while (this.#closed.length > 0) this.#submit()
    const at = this.#position
    const { nextSeq, lastMs } = this.#state
    const unwritten = this.#state.snapshot(this.#segmentList())
    const bytes = sealOf(unwritten, at)
    const sealed = { baseSeq: this.#header.baseSeq, bytes: at + bytes.length, lastMs, unwritten }
    const { logId, segmentId } = this.#header
    const next = nextHeader(logId, segmentId + 1, nextSeq, sealed.bytes, this.#options.now())
    this.#send({ parts: [this.#copy(bytes)], sync: true, next }, [], sealed)
    this.segments.push(sealed)
    this.#header = next
    this.#position = segmentHeaderBytes
    this.#state.beginSegment()
  }

  #segmentList(): (readonly [number, number, number])[] {
    return this.segments.map(({ baseSeq, bytes, lastMs }) => [baseSeq, bytes, lastMs] as const)
  }

  /** Sends closed batches as one job, up to a limit; those that stand side by side in memory are written together. */
  #submit(): void {
    const parts: Uint8Array[] = []
    let [count, bytes, sync, waiting] = [0, 0, false, 0]
    for (const batch of this.#closed) {
      if (count > 0 && bytes + batch.bytes.length > maxJobBytes) break
      addPart(parts, batch.bytes)
      bytes += batch.bytes.length
      sync ||= batch.sync
      waiting += batch.waiting
      count++
    }
    if (count === 0) return
    const isLone =
      sync && waiting === 1 && this.#unsent === 1 && !this.#crowded && this.#inFlight.length === 0
    this.#crowded = false
    this.#unsent -= waiting
    this.#closedBytes -= bytes
    this.#send({ parts, sync }, this.#closed.splice(0, count), undefined, isLone)
  }

  #sendControl(bytes: Uint8Array, sync: boolean, waiter: Waiter | undefined): void {
    this.#position += bytes.length
    this.#send(
      { parts: [this.#copy(bytes)], sync },
      waiter === undefined ? [] : [noticeTo(waiter)],
      undefined,
    )
  }

  #copy(bytes: Uint8Array): Uint8Array {
    const copy = this.#engine.allocate(bytes.length)
    copy.set(bytes)
    return copy
  }

  #send(job: Job, batches: readonly Batch[], seal: SealedSegment | undefined, isLone = false): void {
    let bytes = 0
    for (const part of job.parts) bytes += part.length
    this.#written += bytes
    this.#flyingBytes += bytes
    this.#inFlight.push({ bytes, batches, sync: job.sync, end: this.#written, seal })
    this.#engine.submit(job, isLone)
  }

  #done(failure: JobFailure | undefined): void {
    const job = this.#inFlight.shift()
    if (job === undefined) return
    if (failure !== undefined) return this.#fail(job, failure)
    this.#flyingBytes -= job.bytes
    for (const batch of job.batches) {
      batch.written = true
      if (batch.count > 0) this.#visible = batch.nextSeq
    }
    if (job.sync) this.#durable = job.end
    if (job.seal !== undefined) {
      job.seal.unwritten = undefined
      this.#options.sealed(job.seal)
    }
    // With many waiting, the disk shall be busy while they are told; with few, they have time to join the next write.
    if (this.#maker.count >= overlapFrom || this.#closed.length > 0) this.commit(false)
    else if (this.#inFlight.length === 0 && this.#maker.count > 0) this.#schedule()
    if (job.batches.length > 0) this.#options.visible(this.#visible)
    for (const batch of job.batches) for (const waiter of batch.takeWaiters()) waiter.stored()
  }

  #fail(job: Submitted, { error, stored }: JobFailure): void {
    this.#failed ??= new LogFailedError('no', error)
    const waiting = [...this.#closed]
    this.#closed = []
    this.#closedBytes = 0
    const open = this.#maker.abandon()
    this.#unsent = 0
    for (const batch of job.batches) for (const waiter of batch.takeWaiters()) waiter.failed(stored, error)
    for (const batch of waiting) for (const waiter of batch.takeWaiters()) waiter.failed('no', error)
    for (const waiter of open) waiter.failed('no', error)
  }
}
