import type { CompactionReport, TopicLimits } from '../../wal/index.ts'
import { CommandError, exitCode } from '../exit-code.ts'
import { byteCount, count } from '../format.ts'
import { commandError, openForWriting } from '../log/directory.ts'
import { type GlobalOptions, Terminal } from '../terminal.ts'

export interface CompactOptions extends GlobalOptions {
  readonly keys: readonly string[]
  readonly limit: Readonly<Record<string, TopicLimits>>
  /** Seconds. */
  readonly tombstones: number
}

/** `spillway wal compact`: rewrites sealed segments without what is not to be kept. Resolves to an exit code. */
export async function walCompact(dir: string, options: CompactOptions): Promise<number> {
  const { keys, limit, tombstones } = options
  if (keys.length === 0 && Object.keys(limit).length === 0)
    throw new CommandError(
      'Say what to compact: --keys <pattern> or --limit <pattern:limit>.',
      exitCode.usage,
    )
  const broker = await openForWriting(dir, {
    compactOnSeal: false,
    ...(keys.length === 0 ? {} : { compaction: { topics: keys, tombstoneMs: tombstones * 1000 } }),
    retention: { topics: limit },
  })
  let report: CompactionReport
  try {
    report = await broker.compact()
  } catch (error) {
    throw commandError(dir, error)
  } finally {
    await broker.close()
  }
  const terminal = new Terminal(options)
  const { bytesAfter, bytesBefore, compaction, retention, rewritten, segments } = report
  terminal.printJson({ dir, ...report })
  terminal.print(
    `removed ${count(compaction)} messages that have a newer one, ${count(retention)} beyond limits; rewrote ` +
      `${count(rewritten)} of ${count(segments)} sealed segments: ${byteCount(bytesBefore)} → ${byteCount(bytesAfter)}`,
  )
  return exitCode.done
}
