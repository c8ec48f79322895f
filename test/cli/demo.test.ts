import { beforeAll, describe, expect, it } from 'vitest'
import { assertBalanced, dropReasons, type Ledger } from '../../src/core/ledger.ts'
import type { Outcome } from '../../src/predict/index.ts'
import { buildProgram, Program, spillway } from './program.ts'

type Row = Outcome & { readonly overflow: string }

interface DemoJson {
  readonly interrupted: boolean
  readonly behindSeconds: number
  readonly predicted: readonly Row[]
  readonly measured: readonly Row[]
  readonly replay: { readonly predicted: Outcome; readonly measured: Outcome }
  readonly drained: { readonly delivered: number } | null
  readonly ledger: Ledger
  readonly balanced: boolean
}

beforeAll(buildProgram)

function dropped(row: Row): number {
  return dropReasons.reduce((sum, reason) => sum + row.dropped[reason], 0)
}

/** A busy machine may do the last few acts late; a wrong count is wrong by far more. */
function expectNear(measured: number, predicted: number): void {
  expect(Math.abs(measured - predicted)).toBeLessThanOrEqual(Math.max(2, 0.02 * predicted))
}

describe.concurrent('spillway demo', () => {
  it('measures what it has predicted, and its ledger balances', async () => {
    const { exitCode, stdout } = await spillway(['demo', '--for', '1s', '--capacity', '256', '--json'])

    const { predicted, measured, ledger, balanced, interrupted, drained } = JSON.parse(stdout) as DemoJson
    expect({ exitCode, balanced, interrupted, drained }).toEqual({
      exitCode: 0,
      balanced: true,
      interrupted: false,
      drained: null,
    })
    assertBalanced(ledger)
    const policies = ['drop-newest', 'drop-oldest', 'latest', 'block', 'fail', 'disconnect']
    expect(measured.map(({ overflow }) => overflow)).toEqual(policies)
    const { replay } = JSON.parse(stdout) as DemoJson
    expectNear(replay.measured.delivered, replay.predicted.delivered)
    expectNear(replay.measured.pending, replay.predicted.pending)
    // The age of what was read last: a machine that is busy in the last moment reads it late, never early.
    const late = (replay.measured.ageSeconds ?? 0) - (replay.predicted.ageSeconds ?? 0)
    expect(late).toBeGreaterThan(-0.05)
    expect(late).toBeLessThan(0.5)
    for (const [index, row] of measured.entries()) {
      const expected = predicted[index] as Row
      expectNear(row.delivered, expected.delivered)
      expectNear(row.pending, expected.pending)
      expectNear(dropped(row), dropped(expected))
      expect(row.publisher.waitingShare).toBeCloseTo(expected.publisher.waitingShare, 1)
    }
  })

  it('is what runs without a command, and prints each part in order', async () => {
    const { exitCode, stdout } = await spillway(['--for', '1200ms', '--no-color'])

    expect(exitCode).toBe(0)
    const parts = stdout.match(/^(?:Spillway demo|PREDICTED|RUNNING|MEASURED|LEDGER|Try:)/gm)
    expect([...new Set(parts)]).toEqual([
      'Spillway demo',
      'PREDICTED',
      'RUNNING',
      'MEASURED',
      'LEDGER',
      'Try:',
    ])
    expect(stdout).toMatch(
      /LEDGER {2}routed [\d,]+ = delivered [\d,]+ \+ dropped [\d,]+ \+ pending [\d,]+.* {2}✔/,
    )
    const [tables = ''] = stdout.split('Try:') // how it is called there depends on where this is
    for (const line of tables.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it('prints under --quiet nothing but the tables and the ledger', async () => {
    const { stdout, stderr } = await spillway(['demo', '--for', '300ms', '--quiet'])

    expect(stdout).not.toMatch(/RUNNING|Try:/)
    expect(stdout).toContain('LEDGER')
    expect(stderr).toBe('')
  })

  it('redraws in place on a terminal, at least four times per second, and leaves the cursor visible', async () => {
    const { stdout } = await spillway(['demo', '--for', '1s'], '', { terminalColumns: 80 })

    const redraws = stdout.split('\u001B[7A\r').length - 1
    expect(redraws).toBeGreaterThanOrEqual(5)
    expect(stdout.lastIndexOf('\u001B[?25h')).toBeGreaterThan(stdout.lastIndexOf('\u001B[?25l'))
    expect(stdout).toContain('\u001B[1m')
  })

  it.each([
    ['NO_COLOR', ['demo', '--for', '200ms'], { NO_COLOR: '1' }],
    ['--no-color', ['demo', '--for', '200ms', '--no-color'], {}],
    ['a dumb terminal', ['demo', '--for', '200ms'], { TERM: 'dumb' }],
  ] as const)('prints no colour with %s', async (_, args, env) => {
    const { stdout } = await spillway(args, '', { terminalColumns: 80, env })

    // oxlint-disable-next-line eslint/no-control-regex -- ESC is what is looked for
    expect(stdout).not.toMatch(/\u001B\[\d+m/)
    expect(stdout).toContain('LEDGER')
  })

  it('drains on Ctrl-C, prints the ledger, and exits with 130', async () => {
    const program = new Program([
      'demo',
      '--rate',
      '1000',
      '--drain',
      '900',
      '--capacity',
      '64',
      '--for',
      '1m',
    ])
    await program.says('PREDICTED')

    program.child.kill('SIGINT')

    const { exitCode, stdout, stderr } = await program.ended
    expect(exitCode).toBe(130)
    expect(stderr).toContain('Stopping')
    expect(stdout).toMatch(/DRAINED {2}\d+ more delivered/)
    expect(stdout).toMatch(/LEDGER .*pending 0 {2}✔/)
  })

  it('does the same on SIGTERM in the middle of a run, also with --json', async () => {
    const args = ['demo', '--rate', '1000', '--drain', '900', '--capacity', '64', '--for', '1m', '--json']
    const program = new Program(args, { env: {} })
    await new Promise((resolve) => program.child.once('spawn', resolve))
    const human = new Program(args.slice(0, -1))
    await human.says('RUNNING') // both started together, so both have run for a second

    program.child.kill('SIGTERM')
    human.child.kill('SIGTERM')

    const [machine, { exitCode }] = await Promise.all([program.ended, human.ended])
    const { interrupted, balanced, drained } = JSON.parse(machine.stdout) as DemoJson
    expect([exitCode, machine.exitCode, interrupted, balanced]).toEqual([130, 130, true, true])
    expect(drained?.delivered).toBeGreaterThan(0)
  })

  it('ends at once on a second Ctrl-C', async () => {
    const program = new Program(['demo', '--drain', '1', '--for', '1m'])
    await program.says('PREDICTED')
    program.child.kill('SIGINT')
    await program.says('Stopping')

    program.child.kill('SIGINT')

    const { exitCode, stdout } = await program.ended
    expect(exitCode).toBe(130)
    expect(stdout).not.toContain('DRAINED')
  })

  it('takes it for a success when its reader has seen enough', async () => {
    const program = new Program(['demo', '--for', '1m'])
    await program.says('PREDICTED')

    program.child.stdout.destroy()

    const { exitCode, stderr } = await program.ended
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  })
})
