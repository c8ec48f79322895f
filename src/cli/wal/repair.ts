import { LogCorruptError } from '../../wal/errors.ts'
import { nodeFileSystem } from '../../wal/fs/node-fs.ts'
import { segmentHeaderBytes } from '../../wal/format/layout.ts'
import { lockDirectory } from '../../wal/lock.ts'
import { baseSeqOf } from '../../wal/segment/names.ts'
import { type Cut, cutLog } from '../../wal/tools/cut-log.ts'
import type { Damage } from '../../wal/tools/segment-walk.ts'
import { walkLog } from '../../wal/tools/walk-log.ts'
import { CommandError, exitCode } from '../exit-code.ts'
import { count } from '../format.ts'
import { Interrupt } from '../interrupt.ts'
import { invocation } from '../invocation.ts'
import { commandError, noLog } from '../log/directory.ts'
import { type GlobalOptions, Terminal } from '../terminal.ts'
import { basesIn } from './info.ts'
import { describeDamage, inspect } from './verify.ts'

export interface RepairOptions extends GlobalOptions {
  readonly yes?: boolean
}

/**
 * `spillway wal repair`: cuts a damaged log before its first damage, keeps what it cuts, and says what that costs. Does
 * nothing without `--yes`. Resolves to an exit code.
 */
export async function walRepair(dir: string, options: RepairOptions): Promise<number> {
  if (basesIn(dir) === undefined) throw noLog(dir)
  const terminal = new Terminal(options)
  using interrupt = new Interrupt(options.timeout)
  const lock = await lockDirectory(dir).catch((error: unknown) => {
    throw commandError(dir, error)
  })
  try {
    const { damages, records } = await inspect(dir, interrupt.signal)
    if (interrupt.exitCode !== undefined) return interrupt.exitCode
    if (damages.length === 0) {
      terminal.printJson({ dir, damages, done: false })
      terminal.print('Nothing is damaged, so nothing was changed.')
      return exitCode.done
    }
    const cut = cutOf(damages)
    if (cut !== undefined) checkSomethingStays(dir, cut)
    const readable = records - (cut === undefined ? records : readableBefore(dir, cut))
    for (const damage of damages) terminal.print(describeDamage(damage))
    const place = `${dir}/damaged-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`
    if (options.yes === true) apply(dir, cut, place)
    const kept = options.yes === true ? place : undefined
    terminal.printJson({ dir, damages, cut, readableBehind: readable, kept, done: kept !== undefined })
    terminal.print(describeCut(cut, readable, kept))
    if (kept === undefined)
      terminal.say(
        `Nothing was changed. \`${invocation()} wal dump ${dir} > messages.ndjson\` saves what can be read; ` +
          `add --yes to cut.`,
      )
    return kept === undefined ? exitCode.damaged : exitCode.done
  } finally {
    await lock.release()
  }
}

/** Before the first damage to a segment; undefined when only MANIFEST is damaged. */
function cutOf(damages: readonly Damage[]): Cut | undefined {
  const [first] = damages
    .filter(({ file }) => baseSeqOf(file) !== undefined)
    .toSorted((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.position - b.position))
  return first === undefined ? undefined : { file: first.file, position: first.position }
}

/** A log begins with the header of its first segment: without that there is nothing to cut behind. */
function checkSomethingStays(dir: string, { file, position }: Cut): void {
  const first = basesIn(dir)?.[0] ?? 0
  if (position >= segmentHeaderBytes || (baseSeqOf(file) ?? 0) > first) return
  throw new CommandError(
    `${file} is damaged at its very beginning, so nothing would be left. \`${invocation()} wal dump ${dir}\` writes out ` +
      `what can be read; publish that to a new directory.`,
    exitCode.damaged,
  )
}

function readableBefore(dir: string, cut: Cut): number {
  let records = 0
  for (const finding of walkLog(nodeFileSystem, dir))
    if (finding.kind === 'batch') {
      const { batch, file } = finding
      if (file > cut.file || (file === cut.file && batch.position >= cut.position)) break
      records += batch.header.recordCount
    }
  return records
}

function apply(dir: string, cut: Cut | undefined, place: string): void {
  try {
    cutLog(nodeFileSystem, dir, cut, place)
  } catch (error) {
    if (!(error instanceof LogCorruptError)) throw error
    throw new CommandError(
      `The log cannot be cut: ${error.message} What was moved is in ${place}.`,
      exitCode.damaged,
    )
  }
}

function describeCut(cut: Cut | undefined, readable: number, kept: string | undefined): string {
  const verb = kept === undefined ? 'would be' : 'was'
  if (cut === undefined) return `MANIFEST ${verb} written anew; no message is lost.`
  const cost =
    readable === 0
      ? 'No message that can be read lies behind it.'
      : `${count(readable)} messages that can be read lie behind it and ${verb === 'was' ? 'were' : verb} cut off too.`
  const where = kept === undefined ? '' : ` What was cut is in ${kept}.`
  return `The log ${verb} cut in ${cut.file} at byte ${cut.position}. ${cost}${where}`
}
