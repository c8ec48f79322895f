import type { Position } from '../../core/position.ts'
import type { GroupStatus, LogFollower } from '../../wal/index.ts'
import { CommandError, exitCode } from '../exit-code.ts'
import { count, duration } from '../format.ts'
import { invocation } from '../invocation.ts'
import { table } from '../table.ts'
import { type GlobalOptions, Terminal } from '../terminal.ts'
import { countFrom } from './count-from.ts'
import { commandError, openForReading, openForWriting } from './directory.ts'

export interface ChangeOptions extends GlobalOptions {
  readonly pattern?: string
  readonly allPatterns?: boolean
  readonly yes?: boolean
}

export interface SeekOptions extends ChangeOptions {
  readonly to?: Position
  readonly shift?: number
}

/** `spillway groups`: every group, where it is and how far behind. Resolves to an exit code. */
export async function groups(name: string | undefined, options: GlobalOptions): Promise<number> {
  const log = openForReading(options.dir)
  const all = await log.groups()
  await log.close()
  const found = all.filter((group) => name === undefined || group.name === name)
  if (found.length === 0 && name !== undefined) throw noGroup(name, all, options.dir)
  const terminal = new Terminal(options)
  terminal.printJson(
    found.map(({ name: group, pattern, cursor, lagMessages, lagSeconds, lost }) => ({
      group,
      pattern,
      cursor,
      lagMessages,
      lagSeconds,
      lost,
    })),
  )
  if (found.length === 0) {
    terminal.print(`No groups yet. \`${invocation()} sub <pattern> --group <name>\` makes one.`)
    return exitCode.done
  }
  const right = 'right' as const
  const columns = [
    { heading: 'GROUP', align: 'left' as const },
    { heading: 'pattern', align: 'left' as const },
    { heading: 'behind', align: right },
    { heading: 'oldest', align: right },
    { heading: 'lost', align: right },
  ]
  const rows = found.map(({ lagMessages, lagSeconds, lost, name: group, pattern }) => [
    group,
    pattern,
    count(lagMessages),
    lagMessages === 0 ? '–' : duration(lagSeconds),
    count(lost),
  ])
  for (const line of table(columns, rows, terminal.paint)) terminal.print(line)
  return exitCode.done
}

/** `spillway groups seek`: says what it would do; does it with `--yes`. Resolves to an exit code. */
export async function seekGroup(name: string, options: SeekOptions): Promise<number> {
  const { dir, shift, to, yes } = options
  if ((to === undefined) === (shift === undefined))
    throw new CommandError('Say where to: --to <position> or --shift <n>.', exitCode.usage)
  const log = openForReading(dir)
  const plans = []
  try {
    for (const group of await chosen(name, log, options))
      plans.push({ group, after: await lagAfter(log, group, to, shift) })
  } catch (error) {
    throw commandError(dir, error)
  } finally {
    await log.close()
  }
  if (yes === true) {
    const broker = await openForWriting(dir)
    try {
      for (const { group } of plans) await broker.seekGroup(name, group.pattern, to ?? { shift: shift ?? 0 })
    } catch (error) {
      throw commandError(dir, error)
    } finally {
      await broker.close()
    }
  }
  const terminal = new Terminal(options)
  terminal.printJson(
    plans.map(({ after, group: { lagMessages, pattern } }) => ({
      group: name,
      pattern,
      lagBefore: lagMessages,
      lagAfter: after,
      again: Math.max(0, after - lagMessages),
      passedOver: Math.max(0, lagMessages - after),
      done: yes === true,
    })),
  )
  for (const { after, group } of plans) terminal.print(describe(group, after, yes === true))
  if (yes !== true) terminal.say('Nothing was changed. Add --yes to do it.')
  return exitCode.done
}

/** `spillway groups rm`: forgets a group; only with `--yes`. Resolves to an exit code. */
export async function removeGroup(name: string, options: ChangeOptions): Promise<number> {
  const { dir, yes } = options
  const log = openForReading(dir)
  const found = await chosen(name, log, options).finally(() => void log.close())
  if (yes === true) {
    const broker = await openForWriting(dir)
    try {
      for (const { pattern } of found) await broker.removeGroup(name, pattern)
    } finally {
      await broker.close()
    }
  }
  const terminal = new Terminal(options)
  terminal.printJson(
    found.map(({ lagMessages, pattern }) => ({ group: name, pattern, lagMessages, done: yes === true })),
  )
  for (const { lagMessages, pattern } of found)
    terminal.print(
      `${name} on ${pattern}: ${yes === true ? 'forgotten' : 'would be forgotten'}, with ${count(lagMessages)} messages unread`,
    )
  if (yes !== true) terminal.say('Nothing was changed. Add --yes to do it.')
  return exitCode.done
}

async function chosen(
  name: string,
  log: LogFollower,
  options: ChangeOptions,
): Promise<readonly GroupStatus[]> {
  const all = await log.groups()
  const found = all.filter(
    (group) => group.name === name && (options.pattern ?? group.pattern) === group.pattern,
  )
  if (found.length === 0) throw noGroup(name, all, options.dir)
  if (found.length > 1 && options.allPatterns !== true) {
    const patterns = found.map(({ pattern }) => pattern).join(', ')
    throw new CommandError(
      `"${name}" reads several patterns (${patterns}). Choose one with --pattern, or use --all-patterns.`,
      exitCode.usage,
    )
  }
  return found
}

function noGroup(name: string, all: readonly GroupStatus[], dir: string): CommandError {
  const names = [...new Set(all.map((group) => group.name))].join(', ')
  const known = names === '' ? 'It has none.' : `It has ${names}.`
  return new CommandError(`There is no such group "${name}" in ${dir}. ${known}`, exitCode.notFound)
}

/** How many messages a group has before it once it is moved. */
async function lagAfter(
  log: LogFollower,
  { lagMessages, pattern }: GroupStatus,
  to: Position | undefined,
  shift: number | undefined,
): Promise<number> {
  const from = to ?? 'start'
  const total = await countFrom(log, pattern, from)
  return shift === undefined ? total : Math.min(total, Math.max(0, lagMessages - shift))
}

function describe({ lagMessages, name, pattern }: GroupStatus, after: number, done: boolean): string {
  const by = after - lagMessages
  const verb = done ? 'will' : 'would'
  const effect =
    by === 0
      ? 'which changes nothing'
      : by > 0
        ? `so ${count(by)} messages ${verb} be delivered again`
        : `so ${count(-by)} messages ${verb} be passed over unread`
  return `${name} on ${pattern}: ${count(lagMessages)} → ${count(after)} messages before it, ${effect}`
}
