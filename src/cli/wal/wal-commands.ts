import { type Command, InvalidArgumentError, Option } from 'commander'
import type { TopicLimits } from '../../wal/index.ts'
import type { GlobalOptions } from '../terminal.ts'
import { parseSeconds } from '../values.ts'
import { type CompactOptions, walCompact } from './compact.ts'
import { type DumpOptions, walDump } from './dump.ts'
import { walInfo } from './info.ts'
import { type RepairOptions, walRepair } from './repair.ts'
import { walVerify } from './verify.ts'

/** The commands on the files of a log. All but `compact` and `repair` change and lock nothing, so the log may be in use. */
export function addWalCommands(program: Command, finish: (code: number) => void): void {
  const wal = program
    .command('wal')
    .description('look at the files of a log, check them, export and repair them')
  const directory = '[dir]'
  wal
    .command('info')
    .argument(directory, 'in place of --dir')
    .description('what is there, without reading the messages')
    .action((dir: string | undefined, _, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>()
      finish(walInfo(dir ?? options.dir, options))
    })
  wal
    .command('verify')
    .argument(directory, 'in place of --dir')
    .description('read every byte and check it')
    .action(async (dir: string | undefined, _, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>()
      finish(await walVerify(dir ?? options.dir, options))
    })
  wal
    .command('dump')
    .argument(directory, 'in place of --dir')
    .description('every message that can be read, also behind damage, as JSON lines')
    .option('--from-seq <n>', 'begin with this number of the log', parseSeq, 0)
    .option('--topic <pattern>', 'only these topics', '>')
    .action(async (dir: string | undefined, _, command: Command) => {
      const options = command.optsWithGlobals<DumpOptions>()
      finish(await walDump(dir ?? options.dir, options))
    })
  addCompact(wal, finish)
  wal
    .command('repair')
    .argument(directory, 'in place of --dir')
    .description('cut a damaged log before the damage; says what that costs, and does it with --yes')
    .option('--yes', 'do it; what is cut is kept')
    .action(async (dir: string | undefined, _, command: Command) => {
      const options = command.optsWithGlobals<RepairOptions>()
      finish(await walRepair(dir ?? options.dir, options))
    })
}

function addCompact(wal: Command, finish: (code: number) => void): void {
  wal
    .command('compact')
    .argument('[dir]', 'in place of --dir')
    .description('rewrite sealed segments without what need not be kept; the newest one stays')
    .addOption(
      new Option('--keys <pattern>', 'keep the newest message of each key of these topics; may be repeated')
        .argParser((pattern: string, before: readonly string[]) => [...before, pattern])
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--limit <pattern:limit>',
        'keep so much of these topics: 1000 messages, 64MiB or 7d; may be repeated',
      )
        .argParser(parseLimit)
        .default({}, 'none'),
    )
    .addOption(
      new Option('--tombstones <time>', 'remove tombstones that are older')
        .argParser(parseSeconds)
        .default(86_400, '24h'),
    )
    .action(async (dir: string | undefined, _, command: Command) => {
      const options = command.optsWithGlobals<CompactOptions>()
      finish(await walCompact(dir ?? options.dir, options))
    })
}

const unitBytes: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }
const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function parseLimit(
  text: string,
  before: Readonly<Record<string, TopicLimits>>,
): Readonly<Record<string, TopicLimits>> {
  const [, pattern = '', amount = '', unit = ''] = /^(.+):(\d+)([A-Za-z]*)$/.exec(text) ?? []
  const bytes = unitBytes[unit]
  const ms = unitMs[unit]
  const value = Number(amount)
  if (pattern === '' || (unit !== '' && bytes === undefined && ms === undefined))
    throw new InvalidArgumentError(
      'Give a pattern and a limit, like debug.>:1000, debug.>:64MiB or debug.>:7d.',
    )
  const limit =
    bytes !== undefined
      ? { bytes: value * bytes }
      : ms !== undefined
        ? { ageMs: value * ms }
        : { count: value }
  return { ...before, [pattern]: { ...before[pattern], ...limit } }
}

function parseSeq(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new InvalidArgumentError('Give a whole number from 0.')
}
