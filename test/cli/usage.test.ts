import process from 'node:process'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { run } from '../../src/cli/run.ts'
import { mustRun } from '../support/command.ts'
import { readSource, root } from '../support/source-tree.ts'
import { buildProgram, spillway } from './program.ts'

beforeAll(buildProgram)

const { version }: { version: string } = JSON.parse(readSource('package.json').text)

describe('a command line that cannot be understood', () => {
  it.each([
    [['--bogus'], "unknown option '--bogus' (see --help)"],
    [['demo', '--rat', '5'], "unknown option '--rat' (Did you mean --rate?)"],
    [['predct'], "unknown command 'predct' (Did you mean predict?)"],
    [['demo', 'twice'], "too many arguments for 'demo'. Expected 0 arguments but got 1."],
    [['demo', '--for', '10'], 'Give a duration up to 24h, like 500ms, 10s or 2m.'],
    [['demo', '--for', '0s'], 'Give a duration up to 24h, like 500ms, 10s or 2m.'],
    [['demo', '--for', '25h'], 'Give a duration up to 24h, like 500ms, 10s or 2m.'],
    [['demo', '--rate', '0'], 'Give a number per second above 0, like 5000.'],
    [['demo', '--rate', '-5'], 'Give a number per second up to 1000000, like 5000.'],
    [['demo', '--rate', '1e9'], 'Give a number per second up to 1000000, like 5000.'],
    [['demo', '--capacity', '1.5'], 'Give a whole number from 1 to 1073741824.'],
    [['demo', '--policy', 'block'], '--policy needs --from: it is about lines.'],
    [['demo', '--topic-field', 'a'], '--topic-field needs --from: it is about lines.'],
    [['demo', '--from', 'x', '--for', '1s'], '--for does not go with --from: it ends with the lines.'],
    [['demo', '--from', 'x', '--topic', 'a..b'], 'Invalid topic "a..b"'],
    [['predict', '--pub', '5'], "required option '--sub <n>' not specified"],
    [['predict', '--pub', '5', '--sub', '1', '--keys', '3'], '--keys needs --policy latest'],
    [
      ['predict', '--pub', '5', '--sub', '1', '--policy', 'spill'],
      'Use one of drop-newest, drop-oldest, latest',
    ],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish.'],
  ] as const)('exits with 2 and says in one line what to do: %j', async (args, line) => {
    const written: string[] = []
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0)
    const silence = vi.spyOn(process.stdout, 'write').mockReturnValue(true)

    const exitCode = await run(args)

    expect(exitCode).toBe(2)
    expect(silence).not.toHaveBeenCalled()
    expect(written.join('')).toContain(line)
    expect(written.join('')).toMatch(/^spillway: [^\n]+\n$/)
  })

  it('ends the program with 2', async () => {
    const { exitCode, stdout, stderr } = await spillway(['--bogus'])

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toBe("spillway: unknown option '--bogus' (see --help)\n")
  })
})

describe.concurrent('spillway', () => {
  it.each([[['version']], [['--version']]])('prints its version for %j', async (args) => {
    const { exitCode, stdout } = await spillway(args)

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${version}\n` })
  })

  it.each([[['--help']], [['help']]])('explains itself for %j', async (args) => {
    const { exitCode, stdout } = await spillway(args)

    expect(exitCode).toBe(0)
    expect(stdout).toContain('Exit codes:')
    for (const command of ['demo', 'predict', 'completion', 'version', 'help']) {
      expect(stdout).toContain(`\n  ${command}`)
    }
  })

  it('completes commands and options in bash', async () => {
    const complete = 'COMP_WORDS=(spillway predict --me) COMP_CWORD=2; _spillway; echo "${COMPREPLY[*]}"'
    const script = `source <(node dist/cli/main.js completion bash); ${complete}`

    expect(await mustRun('bash', ['-c', script], root)).toBe('--members\n')
  })

  it.each(['zsh', 'fish'])('prints a completion script for %s', async (shell) => {
    const { exitCode, stdout } = await spillway(['completion', shell])

    expect(exitCode).toBe(0)
    expect(stdout).toContain('members')
  })
})
