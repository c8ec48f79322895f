import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseCount, parseRate, parseSeconds } from '../values.ts'
import { type ChangeOptions, groups, removeGroup, seekGroup, type SeekOptions } from './groups.ts'
import { parsePosition, parseShift } from './position.ts'
import { pub, type PubOptions } from './pub.ts'
import { parseFilter } from './selection.ts'
import { sub, type SubOptions } from './sub.ts'
import { topics, type TopicsOptions } from './topics.ts'
import type { GlobalOptions } from '../terminal.ts'

/** The commands on the messages of a log: `pub`, `sub`, `topics`, `groups`. */
export function addLogCommands(program: Command, finish: (code: number) => void): void {
  addPub(program, finish)
  addSub(program, finish)
  program
    .command('topics [pattern]')
    .description('what the log holds of each topic')
    .addOption(new Option('--sort <by>', 'the order').choices(['name', 'messages']).default('name'))
    .action(async (pattern: string | undefined, _, command: Command) =>
      finish(await topics(pattern ?? '>', command.optsWithGlobals<TopicsOptions>())),
    )
  addGroups(program, finish)
}

function addPub(program: Command, finish: (code: number) => void): void {
  program
    .command('pub [topic] [body]')
    .description('publish a body, or each line of a file or of stdin; JSON where it is JSON, else text')
    .option('--records', 'lines are records, as sub and wal dump write them')
    .option('--raw', 'lines are text, also where they are JSON')
    .option('--file <path>', 'publish the lines of a file')
    .option('--count <n>', 'publish the body so often', parseCount, 1)
    .option('--rate <n>', 'at most so many per second', parseRate)
    .option('--key <key>', 'a key')
    .option('--id <id>', 'an id, in place of a generated one')
    .addOption(
      new Option('-H, --header <name:value>', 'a header; may be repeated')
        .argParser(parseHeader)
        .default({}, 'none'),
    )
    .addOption(new Option('--ack <level>', 'what to wait for').choices(['accepted', 'written', 'synced']))
    .addHelpText('after', '\nExample:\n  echo \'{"id":1}\' | spillway pub orders.created\n')
    .action(async (topic: string | undefined, body: string | undefined, _, command: Command) =>
      finish(await pub(topic, body, command.optsWithGlobals<PubOptions>())),
    )
}

function addSub(program: Command, finish: (code: number) => void): void {
  program
    .command('sub <patterns...>')
    .description('messages as they come, and from a position on; JSON lines in a pipe')
    .addOption(
      new Option('--from <pos>', 'start, end, an offset, -50, @2026-11-23T08:00Z, @-15m')
        .argParser(parsePosition)
        .default('end'),
    )
    .option('--to <pos>', 'end before an offset or a time, or at what is the end now: end', parsePosition)
    .option('--group <name>', 'read as a member of a group, which remembers where it is')
    .option('--count <n>', 'end after so many', parseCount)
    .option('-e, --exit-at-end', 'end with the last message there is now')
    .option('--idle <time>', 'end when nothing came for so long', parseSeconds)
    .addOption(
      new Option('--filter <path=value>', 'only data with this value; may be repeated')
        .argParser(parseFilter)
        .default([], 'all'),
    )
    .option('--raw', 'data only')
    .option('--pretty', 'for people, also in a pipe')
    .option('--no-control', 'no lines that tell of gaps; the exit code still does')
    .option('--written', 'also what is written and not synced yet')
    .addHelpText('after', "\nExample:\n  spillway sub 'orders.>' --from start --exit-at-end | jq .data\n")
    .action(async (patterns: readonly string[], _, command: Command) =>
      finish(await sub(patterns, command.optsWithGlobals<SubOptions>())),
    )
}

function addGroups(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('groups')
    .description('groups, and how far they are behind')
    .argument('[name]', 'only this one')
    .action(async (name: string | undefined, _, self: Command) =>
      finish(await groups(name, self.optsWithGlobals<GlobalOptions>())),
    )
  command
    .command('seek <name>')
    .description('move a group; says what that does, and does it with --yes')
    .option('--to <pos>', 'start, end, an offset, -50, @2026-11-23T08:00Z, @-15m', parsePosition)
    .option('--shift <n>', 'so many of its messages: -100 goes back, 20 passes over 20', parseShift)
    .option('--pattern <pattern>', 'the pattern, if it reads several')
    .option('--all-patterns', 'all of its patterns')
    .option('--yes', 'do it')
    .action(async (name: string, _, self: Command) =>
      finish(await seekGroup(name, self.optsWithGlobals<SeekOptions>())),
    )
  command
    .command('rm <name>')
    .description('forget a group; says what that does, and does it with --yes')
    .option('--pattern <pattern>', 'the pattern, if it reads several')
    .option('--all-patterns', 'all of its patterns')
    .option('--yes', 'do it')
    .action(async (name: string, _, self: Command) =>
      finish(await removeGroup(name, self.optsWithGlobals<ChangeOptions>())),
    )
}

function parseHeader(
  text: string,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const colon = text.indexOf(':')
  if (colon <= 0) throw new InvalidArgumentError('Give a name and a value, like source:import.')
  return { ...before, [text.slice(0, colon).trim()]: text.slice(colon + 1).trim() }
}
