import process from 'node:process'
import { type Command, CommanderError } from 'commander'
import { SpillwayError } from '../core/errors.ts'
import { CommandError, exitCode } from './exit-code.ts'
import { createProgram } from './program.ts'

/** Runs one command line. Never throws: resolves to the exit code, after saying on stderr what was wrong. */
export async function run(args: readonly string[]): Promise<number> {
  let code: number = exitCode.done
  const program = createProgram((finished) => {
    code = finished
  })
  let said = ''
  for (const command of withNested(program)) {
    command.exitOverride().configureOutput({ outputError: (text) => (said += text) })
  }
  try {
    await program.parseAsync(withDemo(args), { from: 'user' })
    return code
  } catch (error) {
    return explain(error, said)
  }
}

function withNested(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withNested)]
}

/** Without a command it is the demo: `spillway --rate 100` means `spillway demo --rate 100`. */
function withDemo(args: readonly string[]): readonly string[] {
  let first = 0
  while (isGlobal(args[first])) first += args[first] === '--dir' || args[first] === '--timeout' ? 2 : 1
  const arg = args[first]
  const isDemo =
    arg === undefined || (arg.startsWith('-') && !['-h', '--help', '-V', '--version'].includes(arg))
  return isDemo ? ['demo', ...args] : args
}

function isGlobal(arg: string | undefined): boolean {
  return arg !== undefined && /^--(?:json|quiet|no-color|dir|timeout)(?:=|$)/.test(arg)
}

function explain(error: unknown, said: string): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCode.done
    const text = (said === '' ? error.message : said)
      .trim()
      .replace(/^error: /, '')
      .replaceAll('\n', ' ')
    const isKnown = error.code !== 'commander.unknownOption' || text.includes('Did you mean')
    complain(isKnown ? text : `${text} (see --help)`)
    return exitCode.usage
  }
  if (error instanceof CommandError) {
    complain(error.message)
    return error.exitCode
  }
  if (error instanceof SpillwayError && error.code.startsWith('SPW_INVALID')) {
    complain(error.message)
    return exitCode.usage
  }
  complain(error instanceof Error ? (error.stack ?? error.message) : String(error))
  return exitCode.unexpected
}

function complain(text: string): void {
  process.stderr.write(`spillway: ${text}\n`)
}
