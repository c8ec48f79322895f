import type { PayloadCodec } from '../../core/codec.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import { duration, wholeNumber } from '../../core/settings.ts'
import { checkPattern } from '../../core/topic.ts'
import type {
  CompactionOptions,
  DurableBrokerOptions,
  Retention,
  SyncPolicy,
  TopicLimits,
} from '../contract.ts'
import type { FileSystem } from '../fs/file-system.ts'
import { nodeFileSystem } from '../fs/node-fs.ts'

/** The options of a log, checked and with their defaults. */
export interface LogSettings {
  readonly sync: SyncPolicy
  readonly syncIntervalMs: number
  readonly segmentBytes: number
  readonly maxRecordBytes: number
  readonly highWaterMark: number
  readonly retention: Retention
  readonly compaction: CompactionOptions | undefined
  readonly compactOnSeal: boolean
  readonly engine: 'worker' | 'inline'
  readonly codec: PayloadCodec | undefined
  readonly clock: Clock
  readonly fileSystem: FileSystem
  /** False when nobody else can reach the file system. */
  readonly lock: boolean
}

/** What tests may replace as well. */
export interface LogOptions extends DurableBrokerOptions {
  /** Stands in for the disk; needs the engine `inline`. */
  readonly fileSystem?: FileSystem
}

const policies: readonly SyncPolicy[] = ['always', 'interval', 'os']
const mebibyte = 1024 * 1024

export function logSettings(options: LogOptions): LogSettings {
  const { clock, codec, engine = 'worker', fileSystem, retention = {}, sync = 'always' } = options
  if (!policies.includes(sync))
    throw new InvalidOptionError('sync', sync, `Use one of ${policies.join(', ')}.`)
  if (engine !== 'worker' && engine !== 'inline')
    throw new InvalidOptionError('engine', engine, 'Use "worker" or "inline".')
  if (fileSystem !== undefined && engine === 'worker')
    throw new InvalidOptionError(
      'fileSystem',
      fileSystem,
      'A file system of your own needs the engine "inline".',
    )
  checkRetention(retention)
  if (options.compaction !== undefined) checkCompaction(options.compaction)
  return {
    sync,
    syncIntervalMs: duration('syncIntervalMs', options.syncIntervalMs, 5),
    segmentBytes: wholeNumber('segmentBytes', options.segmentBytes, 64 * mebibyte),
    maxRecordBytes: wholeNumber('maxRecordBytes', options.maxRecordBytes, 16 * mebibyte),
    highWaterMark: wholeNumber('highWaterMark', options.highWaterMark, 64 * mebibyte),
    retention,
    compaction: options.compaction,
    compactOnSeal: options.compactOnSeal ?? true,
    engine,
    codec,
    clock: clock ?? systemClock,
    fileSystem: fileSystem ?? nodeFileSystem,
    lock: fileSystem === undefined,
  }
}

function checkRetention(retention: Retention): void {
  checkLimits('retention', retention)
  for (const [pattern, limits] of Object.entries(retention.topics ?? {})) {
    checkPattern(pattern)
    checkLimits(`retention.topics["${pattern}"]`, limits)
  }
  if (retention.keepFor !== undefined && retention.keepFor !== 'groups')
    throw new InvalidOptionError('retention.keepFor', retention.keepFor, 'Use "groups", or leave it out.')
}

function checkLimits(option: string, { ageMs, bytes, count }: TopicLimits): void {
  for (const [name, value] of Object.entries({ ageMs, bytes, count }))
    duration(`${option}.${name}`, value, Number.POSITIVE_INFINITY)
}

function checkCompaction({ tombstoneMs, topics }: CompactionOptions): void {
  if (!Array.isArray(topics))
    throw new InvalidOptionError('compaction.topics', topics, 'Give a list of patterns.')
  for (const pattern of topics) checkPattern(pattern)
  duration('compaction.tombstoneMs', tombstoneMs, Number.POSITIVE_INFINITY)
}
