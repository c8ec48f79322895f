import type { Command } from 'commander'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** A completion script for commands and options, made from the commands themselves. */
export function completionScript(program: Command, shell: Shell): string {
  const commands = [...program.commands.map((command) => command.name()), 'help']
  const globals = longFlags(program)
  const byCommand = program.commands.map((command) => ({
    name: command.name(),
    words: [
      ...command.commands.map((nested) => nested.name()),
      ...new Set([command, ...command.commands].flatMap(longFlags)),
      ...globals,
      ...(command.name() === 'completion' ? shells : []),
    ],
  }))
  if (shell === 'fish') return fish(commands, byCommand)
  const script = bash(commands, byCommand)
  return shell === 'bash' ? script : `autoload -U +X bashcompinit && bashcompinit\n${script}`
}

type ByCommand = readonly { readonly name: string; readonly words: readonly string[] }[]

function longFlags(command: Command): readonly string[] {
  const flags = command.options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long]))
  return [...flags, '--help']
}

function bash(commands: readonly string[], byCommand: ByCommand): string {
  const cases = byCommand.map(({ name, words }) => `    ${name}) words='${words.join(' ')}' ;;`)
  return [
    '_spillway() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" words',
    '  case "${COMP_WORDS[1]}" in',
    ...cases,
    `    *) words='${commands.join(' ')}' ;;`,
    '  esac',
    `  [ "$COMP_CWORD" -eq 1 ] && words='${commands.join(' ')}'`,
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _spillway spillway',
    '',
  ].join('\n')
}

function fish(commands: readonly string[], byCommand: ByCommand): string {
  const lines = byCommand.flatMap(({ name, words }) =>
    words.map((word) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`
      return `complete -c spillway -n '__fish_seen_subcommand_from ${name}' ${what}`
    }),
  )
  return [`complete -c spillway -n '__fish_use_subcommand' -f -a '${commands.join(' ')}'`, ...lines, ''].join(
    '\n',
  )
}
