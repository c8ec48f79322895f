import { type Command, InvalidArgumentError } from 'commander'
import type { GlobalOptions } from '../terminal.ts'
import { type DumpOptions, walDump } from './dump.ts'
import { walInfo } from './info.ts'
import { type RepairOptions, walRepair } from './repair.ts'
import { walVerify } from './verify.ts'

/** The commands on the files of a log. All but `repair` change and lock nothing, so the log may be in use. */
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

function parseSeq(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new InvalidArgumentError('Give a whole number from 0.')
}
