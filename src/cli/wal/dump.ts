import { checkPattern, matches } from '../../core/topic.ts'
import { LogNewerError } from '../../wal/errors.ts'
import { RecordCursor } from '../../wal/format/batch-reader.ts'
import { BatchFlag } from '../../wal/format/layout.ts'
import { nodeFileSystem } from '../../wal/fs/node-fs.ts'
import { readManifest } from '../../wal/recovery/directory.ts'
import type { ScannedBatch } from '../../wal/segment/scan.ts'
import { Payloads } from '../../wal/store/payload.ts'
import { StoredRecord } from '../../wal/store/stored-record.ts'
import { walkLog } from '../../wal/tools/walk-log.ts'
import { CommandError, exitCode } from '../exit-code.ts'
import { Interrupt } from '../interrupt.ts'
import { noLog } from '../log/directory.ts'
import { recordLine } from '../log/record-line.ts'
import { Output } from '../output.ts'
import type { GlobalOptions } from '../terminal.ts'
import { basesIn } from './info.ts'
import { describeDamage } from './verify.ts'

export interface DumpOptions extends GlobalOptions {
  readonly fromSeq: number
  readonly topic: string
}

/**
 * `spillway wal dump`: every message that can be read, also behind damage, as JSON lines that `pub --records` takes.
 * Resolves to an exit code.
 */
export async function walDump(dir: string, options: DumpOptions): Promise<number> {
  checkPattern(options.topic)
  if (basesIn(dir) === undefined) throw noLog(dir)
  using interrupt = new Interrupt(options.timeout)
  const dump = new Dump(options, idOf(dir))
  let damaged = false
  try {
    for (const finding of walkLog(nodeFileSystem, dir, options.fromSeq)) {
      if (interrupt.signal.aborted) break
      if (finding.kind === 'batch') await dump.batch(finding.batch)
      else if (finding.kind === 'damage') {
        damaged = true
        const { damage } = finding
        const { file, fromSeq, position, toSeq, what } = damage
        process.stderr.write(`spillway: ${describeDamage(damage)}\n`)
        if (toSeq === fromSeq) continue
        const lost = toSeq === undefined ? {} : { count: toSeq - fromSeq }
        await dump.line({ _: 'gap', ...lost, reason: 'damaged', what, file, position, fromSeq, toSeq })
      }
    }
  } catch (error) {
    if (error instanceof LogNewerError) throw new CommandError(error.message, exitCode.refused)
    throw error
  }
  return interrupt.exitCode ?? (damaged ? exitCode.damaged : exitCode.done)
}

class Dump {
  readonly #options: DumpOptions
  readonly #logId: string
  readonly #cursor = new RecordCursor()
  readonly #payloads = new Payloads(undefined)
  readonly #output = new Output()

  constructor(options: DumpOptions, logId: string) {
    this.#options = options
    this.#logId = logId
  }

  async batch({ at, buffer, header, view }: ScannedBatch): Promise<void> {
    if ((header.flags & BatchFlag.control) !== 0) return
    const cursor = this.#cursor
    const { fromSeq, topic: pattern } = this.#options
    const lines: string[] = []
    cursor.open(buffer, view, at, header)
    this.#payloads.begin(buffer, cursor.end)
    while (cursor.advance()) {
      const { seq, topic } = cursor
      if (seq < fromSeq || topic.startsWith('$') || !matches(pattern, topic)) continue
      const record = new StoredRecord(cursor, this.#payloads, this.#logId)
      lines.push(`${JSON.stringify({ ...recordLine(record), seq })}\n`)
    }
    if (lines.length > 0) await this.#output.write(lines.join(''))
  }

  async line(line: object): Promise<void> {
    await this.#output.write(`${JSON.stringify(line)}\n`)
  }
}

/** The id of the log, which the ids of messages are made of; something that is none when MANIFEST cannot be read. */
function idOf(dir: string): string {
  try {
    return readManifest(nodeFileSystem, dir)?.logId ?? 'unknown'
  } catch {
    return 'unknown'
  }
}
