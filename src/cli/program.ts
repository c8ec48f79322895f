import { readFileSync } from 'node:fs'
import process from 'node:process'
import { Command, Option } from 'commander'
import type { MemoryPolicy } from '../core/contract.ts'
import { checkTopic } from '../core/topic.ts'
import { completionScript, type Shell, shells } from './completion.ts'
import { demo } from './demo.ts'
import { demoFrom } from './demo-from.ts'
import { CommandError, exitCode } from './exit-code.ts'
import { addLogCommands } from './log/log-commands.ts'
import { defaultDirectory } from './log/directory.ts'
import { predictCommand } from './predict-command.ts'
import { type GlobalOptions, Terminal } from './terminal.ts'
import { addWalCommands } from './wal/wal-commands.ts'
import { parseCount, parsePolicies, parsePolicy, parseRate, parseRateOrZero, parseSeconds } from './values.ts'

interface DemoOptions extends GlobalOptions {
  readonly rate?: number
  readonly drain?: number
  readonly capacity: number
  readonly for: number
  readonly keys: number
  readonly from?: string
  readonly topic: string
  readonly topicField?: string
  readonly policy: readonly MemoryPolicy[]
}

interface PredictOptions extends GlobalOptions {
  readonly pub: number
  readonly sub: number
  readonly capacity: number
  readonly policy: MemoryPolicy
  readonly for: number
  readonly keys?: number
  readonly members: number
  readonly run?: boolean
}

const exitCodes = `
Exit codes:
  0    done, everything accounted for
  1    unexpected error
  2    the command line cannot be understood
  3    a file, a topic, a group or a log is not there or cannot be read
  4    another process has the directory open
  5    refused: a newer version wrote it
  6    finished, but not everything was delivered or accepted
  7    a log is damaged, or a ledger does not add up
  8    the position is not retained any more, or not there yet
  124  --timeout has passed
  130  ended by Ctrl-C, after draining
`

/** The commands. `finish` hears the exit code of the one that ran. */
export function createProgram(finish: (code: number) => void): Command {
  const program = new Command('spillway')
    .description(
      'Pub/sub that accounts for every message. Without a command: a demonstration of ten seconds.',
    )
    .option('--json', 'print one JSON object on stdout and nothing else')
    .option('--quiet', 'no progress and no hints')
    .option('--no-color', 'no colour; so does NO_COLOR')
    .addOption(
      new Option('--dir <path>', 'the directory of the log').default(defaultDirectory).env('SPILLWAY_DIR'),
    )
    .option('--timeout <time>', 'end after so long, with exit code 124: 500ms, 10s, 2m', parseSeconds)
    .version(version(), '-V, --version', 'print the version')
    .showSuggestionAfterError()
    .addHelpText('after', exitCodes)
  addDemo(program, finish)
  addPredict(program, finish)
  addLogCommands(program, finish)
  addWalCommands(program, finish)
  program
    .command('completion')
    .description('print a completion script: source <(spillway completion bash)')
    .addArgument(program.createArgument('<shell>', 'the shell').choices(shells))
    .action((shell: Shell) => {
      process.stdout.write(completionScript(program, shell))
    })
  program
    .command('version')
    .description('print the version')
    .action(() => {
      process.stdout.write(`${version()}\n`)
    })
  return program
}

function addDemo(program: Command, finish: (code: number) => void): void {
  program
    .command('demo')
    .description(
      'one fast publisher, a subscriber per overflow policy: predicted, running, measured, accounted',
    )
    .option(
      '--rate <n>',
      'messages published per second (5000; with --from as fast as lines come)',
      parseRate,
    )
    .option('--drain <n>', 'messages each subscriber takes per second (500; with --from all)', parseRate)
    .option('--capacity <n>', 'places in each mailbox', parseCount, 1024)
    .addOption(
      new Option('--for <time>', 'how long: 500ms, 10s, 2m').argParser(parseSeconds).default(10, '10s'),
    )
    .option('--keys <n>', 'distinct keys for the policy latest', parseCount, 16)
    .option('--from <file>', 'publish the lines of a file instead, or of stdin: -')
    .option('--topic <topic>', 'with --from: the topic to publish to', 'demo.lines')
    .option('--topic-field <name>', 'with --from: take the topic from this field of a JSON line')
    .addOption(
      new Option('--policy <list>', 'with --from: one subscriber for each; block slows the reading down')
        .argParser(parsePolicies)
        .default(['drop-newest', 'drop-oldest', 'latest'], 'drop-newest,drop-oldest,latest'),
    )
    .action(async (_, command: Command) =>
      finish(await runDemo(command.optsWithGlobals<DemoOptions>(), command)),
    )
}

function runDemo(options: DemoOptions, command: Command): Promise<number> {
  const { rate, drain, capacity, keys, from, topic, topicField, policy } = options
  const terminal = new Terminal(options)
  const given = (name: string): boolean => command.getOptionValueSource(name) === 'cli'
  if (from === undefined) {
    for (const name of ['topic', 'topicField', 'policy']) {
      if (given(name))
        throw new CommandError(`--${kebab(name)} needs --from: it is about lines.`, exitCode.usage)
    }
    const [publishPerSecond, drainPerSecond] = [rate ?? 5000, drain ?? 500]
    return demo(
      { publishPerSecond, drainPerSecond, capacity, seconds: options.for, keys },
      options.dir,
      terminal,
    )
  }
  if (given('for'))
    throw new CommandError('--for does not go with --from: it ends with the lines.', exitCode.usage)
  checkTopic(topic)
  const settings = {
    topic,
    topicField,
    policies: policy,
    capacity,
    keys,
    publishPerSecond: rate,
    drainPerSecond: drain,
  }
  return demoFrom(from, settings, terminal)
}

function addPredict(program: Command, finish: (code: number) => void): void {
  program
    .command('predict')
    .description('what happens when the publisher is faster, in numbers and formulas')
    .requiredOption('--pub <n>', 'λ: messages published per second', parseRate)
    .requiredOption('--sub <n>', 'μ: messages each subscriber takes per second', parseRateOrZero)
    .option('--capacity <n>', 'B: places in the mailbox', parseCount, 1024)
    .option('--policy <name>', 'what a full mailbox does', parsePolicy, 'drop-newest')
    .addOption(
      new Option('--for <time>', 'T: how long: 500ms, 10s, 2m').argParser(parseSeconds).default(10, '10s'),
    )
    .option('--keys <n>', 'k: distinct keys, for the policy latest (16)', parseCount)
    .option('--members <n>', 'm: subscribers that share the mailbox as a queue group', parseCount, 1)
    .option('--run', 'simulate it as well, on the real broker with a virtual clock')
    .addHelpText(
      'after',
      '\nExample:\n  spillway predict --pub 1000 --sub 100 --capacity 16 --policy drop-oldest --for 5s --run\n',
    )
    .action(async (_, command: Command) =>
      finish(await runPredict(command.optsWithGlobals<PredictOptions>())),
    )
}

function runPredict(options: PredictOptions): Promise<number> {
  const { pub, sub, capacity, policy, members, keys, run } = options
  if (keys !== undefined && policy !== 'latest') {
    throw new CommandError('--keys needs --policy latest: no other policy looks at keys.', exitCode.usage)
  }
  const setting = {
    publishPerSecond: pub,
    drainPerSecond: sub,
    seconds: options.for,
    overflow: policy,
    capacity,
    members,
    ...(policy === 'latest' ? { keys: keys ?? 16 } : {}),
  }
  return predictCommand(setting, run === true, new Terminal(options))
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return (manifest as { readonly version: string }).version
}
