import { setImmediate as breathe } from 'node:timers/promises'
import { LogNewerError } from '../../wal/errors.ts'
import { nodeFileSystem } from '../../wal/fs/node-fs.ts'
import type { Damage, UnfinishedEnd } from '../../wal/tools/segment-walk.ts'
import { walkLog } from '../../wal/tools/walk-log.ts'
import { CommandError, exitCode } from '../exit-code.ts'
import { byteCount, count, duration } from '../format.ts'
import { Interrupt } from '../interrupt.ts'
import { invocation } from '../invocation.ts'
import { noLog } from '../log/directory.ts'
import { type GlobalOptions, Terminal } from '../terminal.ts'
import { basesIn } from './info.ts'

/** What was found in a log. */
export interface Findings {
  readonly segments: number
  readonly bytes: number
  readonly records: number
  readonly damages: readonly Damage[]
  readonly unfinished: UnfinishedEnd | undefined
}

/** `spillway wal verify`: reads and checks every byte; changes and locks nothing. Resolves to an exit code. */
export async function walVerify(dir: string, options: GlobalOptions): Promise<number> {
  if (basesIn(dir) === undefined) throw noLog(dir)
  const terminal = new Terminal(options)
  using interrupt = new Interrupt(options.timeout)
  const since = performance.now()
  const progress = progressOf(terminal)
  const found = await inspect(dir, interrupt.signal, progress.show).finally(progress.end)
  if (interrupt.exitCode !== undefined) return interrupt.exitCode
  const { bytes, damages, records, segments, unfinished } = found
  const seconds = (performance.now() - since) / 1000
  terminal.printJson({
    dir,
    ok: damages.length === 0,
    segments,
    bytes,
    records,
    damages,
    unfinished,
    seconds,
  })
  for (const damage of damages) terminal.print(describeDamage(damage))
  if (unfinished !== undefined)
    terminal.print(
      `${unfinished.file} ends with ${byteCount(unfinished.bytes)} of a write that was not finished, at byte ` +
        `${unfinished.position}. That is no damage: nobody was told that they are stored; the next open cuts them off.`,
    )
  const files = segments === 1 ? '1 segment' : `${count(segments)} segments`
  const what = `${files}, ${count(records)} records, ${byteCount(bytes)} in ${duration(seconds)}`
  if (damages.length === 0) {
    terminal.print(`${terminal.paint.good('✔')} ${what}: every checksum and every link is right.`)
    return exitCode.done
  }
  terminal.print(`${terminal.paint.bad('✘')} ${what} can be read; damaged places: ${count(damages.length)}`)
  terminal.say(
    `Restore a backup, or: \`${invocation()} wal dump ${dir}\` writes out every message that can be read, ` +
      `\`${invocation()} wal repair ${dir}\` says what cutting the log before the damage would cost.`,
  )
  return exitCode.damaged
}

/** Walks the whole log; stops early when `signal` aborts. Throws `CommandError` for a log of a newer version. */
export async function inspect(
  dir: string,
  signal: AbortSignal,
  show: (bytes: number) => void = () => undefined,
): Promise<Findings> {
  const damages: Damage[] = []
  let [segments, bytes, records, done, unread] = [0, 0, 0, 0, 0]
  let unfinished: UnfinishedEnd | undefined
  try {
    for (const finding of walkLog(nodeFileSystem, dir)) {
      if (finding.kind === 'segment') {
        segments++
        bytes += finding.bytes
      } else if (finding.kind === 'damage') damages.push(finding.damage)
      else if (finding.kind === 'unfinished') unfinished = finding.end
      else {
        const { header } = finding.batch
        records += header.recordCount
        done += header.bodyBytes
        unread += header.bodyBytes
      }
      if (unread < 8e6) continue
      unread = 0
      show(done)
      await breathe() // so that Ctrl-C is heard
      if (signal.aborted) break
    }
  } catch (error) {
    if (error instanceof LogNewerError) throw new CommandError(error.message, exitCode.refused)
    throw error
  }
  return { segments, bytes, records, damages, unfinished }
}

export function describeDamage({ file, fromSeq, position, toSeq, what }: Damage): string {
  const messages =
    toSeq === undefined
      ? `nothing from number ${fromSeq} on can be read`
      : toSeq === fromSeq
        ? 'no record is hurt'
        : `numbers ${fromSeq} to ${toSeq - 1} cannot be read (${count(toSeq - fromSeq)})`
  return `${file} at byte ${position}: ${what}; ${messages}`
}

/** After a second, a line on stderr that counts. */
function progressOf(terminal: Terminal): {
  readonly show: (bytes: number) => void
  readonly end: () => void
} {
  const since = performance.now()
  let shown = false
  const isSilent = !process.stderr.isTTY || terminal.quiet
  return {
    show: (bytes) => {
      if (isSilent || performance.now() - since < 1000) return
      shown = true
      process.stderr.write(`\r${byteCount(bytes)} read …\u001B[K`)
    },
    end: () => {
      if (shown) process.stderr.write('\r\u001B[K')
    },
  }
}
