import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assertBalanced, type Ledger, type MailboxLedger } from '../../src/core/ledger.ts'
import { buildProgram, type Ended, Program, spillway } from './program.ts'

interface FromJson {
  readonly lines: {
    readonly read: number
    readonly published: number
    readonly empty: number
    readonly refused: number
    readonly refusals: readonly { readonly line: number; readonly reason: string }[]
  }
  readonly subscribers: readonly MailboxLedger[]
  readonly interrupted: boolean
  readonly ledger: Ledger
}

let folder = ''

beforeAll(async () => {
  await buildProgram()
  folder = await mkdtemp(join(tmpdir(), 'spillway-lines-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

function parse(ended: Ended): FromJson {
  const result = JSON.parse(ended.stdout) as FromJson
  assertBalanced(result.ledger)
  const { read, published, empty, refused } = result.lines
  expect(read).toBe(published + empty + refused)
  return result
}

describe.concurrent('spillway demo --from', () => {
  it('delivers every line of a file to every subscriber', async () => {
    const file = join(folder, 'lines.ndjson')
    await writeFile(file, Array.from({ length: 5000 }, (_, id) => `${JSON.stringify({ id })}\n`).join(''))

    const ended = await spillway(['demo', '--from', file, '--json'])

    const { lines, subscribers } = parse(ended)
    expect(ended.exitCode).toBe(0)
    expect(lines).toMatchObject({ read: 5000, published: 5000 })
    expect(subscribers.map(({ delivered }) => delivered)).toEqual([5000, 5000, 5000])
  })

  it('counts plain text, JSON, CRLF, empty lines and a last line without an end', async () => {
    const ended = await spillway(['demo', '--from', '-', '--json'], '{"a":1}\nplain text\r\n\r\n\n{"b":')

    const { lines } = parse(ended)
    expect(ended.exitCode).toBe(0)
    expect(lines).toEqual({ read: 5, published: 3, empty: 2, refused: 0, refusals: [] })
  })

  it('has nothing to do for an empty input', async () => {
    const ended = await spillway(['demo', '--from', '-', '--json'])

    expect(ended.exitCode).toBe(0)
    expect(parse(ended).lines.read).toBe(0)
  })

  it('refuses lines that are too long or not UTF-8, says which, and goes on', async () => {
    const long = 'x'.repeat(2 ** 20)
    const input = Buffer.concat([
      Buffer.from(`${long}\r\n${long}y\n`),
      Buffer.from([0xff, 0x0a]),
      Buffer.from('ok'),
    ])

    const ended = await spillway(['demo', '--from', '-', '--json'], input)

    const { lines } = parse(ended)
    expect(ended.exitCode).toBe(6)
    expect(lines).toMatchObject({ read: 4, published: 2, refused: 2 })
    expect(lines.refusals).toEqual([
      { line: 2, reason: 'longer than 1 MiB (1048577 bytes)' },
      { line: 3, reason: 'not UTF-8' },
    ])
  })

  it('takes topics from a field, and refuses lines whose topic is none', async () => {
    const ended = await spillway(
      ['demo', '--from', '-', '--topic-field', 'topic', '--json'],
      '{"topic":"orders.created"}\n{"topic":"orders..x"}\n{"topic":7}\n',
    )

    const { lines, subscribers } = parse(ended)
    expect(ended.exitCode).toBe(6)
    expect(lines).toMatchObject({ published: 2, refused: 1 })
    expect(lines.refusals[0]?.reason).toContain('"orders..x"')
    expect(subscribers[0]?.delivered).toBe(2)
  })

  it('exits with 6 when subscribers are too slow, and says how much each lost and why', async () => {
    const input = 'line\n'.repeat(20_000)

    const { exitCode, stdout } = await spillway(
      ['demo', '--from', '-', '--drain', '2000', '--capacity', '64'],
      input,
    )

    expect(exitCode).toBe(6)
    expect(stdout).toMatch(/drop-newest +20,000 +[\d,]+ +[\d,]+ +buffer-full/)
    expect(stdout).toMatch(/LEDGER {2}routed 60,000 = .* {2}✔/)
  })

  it('loses nothing when the subscriber blocks: the reading waits', async () => {
    const ended = await spillway(
      ['demo', '--from', '-', '--policy', 'block', '--drain', '20000', '--capacity', '8', '--json'],
      'line\n'.repeat(5000),
    )

    expect(ended.exitCode).toBe(0)
    expect(parse(ended).subscribers).toMatchObject([{ overflow: 'block', routed: 5000, delivered: 5000 }])
  })

  it('exits with 3 for a file that is not there and for a directory', async () => {
    const missing = await spillway(['demo', '--from', join(folder, 'nothing')])
    const directory = await spillway(['demo', '--from', folder])

    expect([missing.exitCode, directory.exitCode]).toEqual([3, 3])
    expect(missing.stderr).toMatch(/^spillway: There is no file .*nothing\. Name a file, or - for stdin\.\n$/)
    expect(directory.stderr).toMatch(/^spillway: .* is a directory\. Name a file, or - for stdin\.\n$/)
  })

  it('drains on Ctrl-C while its input is open, and has read no faster than its subscriber', async () => {
    const args = ['demo', '--from', '-', '--policy', 'block', '--drain', '100', '--capacity', '8', '--json']
    const program = new Program(args)
    program.child.stdin.write('line\n'.repeat(10_000))
    await program.says('Reading lines from stdin.')

    program.child.kill('SIGINT')

    const ended = await program.ended
    const { lines, interrupted } = parse(ended)
    expect([ended.exitCode, interrupted]).toEqual([130, true])
    expect(ended.stderr).toContain('Stopping')
    expect(lines.read).toBeLessThan(2000) // twenty seconds' worth
  })
})
