import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseRecord, recordLine } from '../../src/cli/log/record-line.ts'
import { parsePosition } from '../../src/cli/log/position.ts'
import { openDurableBroker, type StoredMessage } from '../../src/wal/index.ts'
import { fcParameters } from '../support/seed.ts'
import { buildProgram, type Ended, Program, linesOf, spillway } from './program.ts'
import { directory, openInline, undo } from '../support/undo.ts'

beforeAll(buildProgram)

const on = (dir: string, args: readonly string[], input: string | Uint8Array = ''): Promise<Ended> =>
  spillway(['--dir', dir, ...args], input)

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, n) => `${from + n}\n`).join('')

describe('spillway pub and sub', () => {
  it('publish a body and show it, without any set-up', async () => {
    const dir = `${directory()}/new`
    const published = await on(dir, ['pub', 'orders.created', '{"id":1}', '--key', 'k', '-H', 'source:test'])
    const shown = await on(dir, ['sub', 'orders.>', '--from', 'start', '-e'])

    expect(published.stdout).toMatch(/^orders\.created {2}offset=0 {2}synced {2}[\d.]+ ms\n$/)
    expect(linesOf(shown)).toMatchObject([
      { topic: 'orders.created', offset: 0, key: 'k', headers: { source: 'test' }, data: { id: 1 } },
    ])
  })

  it('account for every line: published, or refused with its number and why', async () => {
    const dir = directory()
    const input = `{"a":1}\ntext\n12345678901234567890\n"s"\n`
    const { exitCode, stderr, stdout } = await on(dir, ['pub', 'a'], input)
    const acks = await on(dir, ['--json', 'pub', 'a', '--ack', 'written'], lines(0, 3000))

    expect({ exitCode, stdout }).toEqual({ exitCode: 6, stdout: 'published 3, refused 1\n' })
    expect(stderr).toBe(
      'spillway: line 3: the number 12345678901234567890 cannot be held exactly; quote it, or use --raw\n',
    )
    expect(linesOf(acks).map(({ offset }) => offset)).toEqual(Array.from({ length: 3000 }, (_, n) => n + 3))
    const shown = await on(dir, ['sub', 'a', '--from', 'start', '-e', '--raw', '--count', '3'])
    expect(shown.stdout).toBe('{"a":1}\ntext\ns\n')
  })

  it('begin and end where they are told', async () => {
    const dir = directory()
    await on(dir, ['pub', 'n'], lines(0, 100))
    const shown = async (...args: string[]): Promise<unknown[]> =>
      linesOf(await on(dir, ['sub', 'n', '-e', ...args])).map(({ data }) => data)

    expect(await shown('--from', '95')).toEqual([95, 96, 97, 98, 99])
    expect(await shown('--from', '-2')).toEqual([98, 99])
    expect(await shown('--from', '10', '--to', '13')).toEqual([10, 11, 12])
    expect(await shown('--from', '@-1h', '--count', '2')).toEqual([0, 1])
    expect(await shown('--from', '@-1h', '--to', '@-1h')).toEqual([])
    expect(await shown('--from', 'start', '--filter', '=x')).toEqual([])
  })

  it('show a message while the process that publishes it has the log open', async () => {
    const dir = directory()
    const broker = await openDurableBroker(dir, { engine: 'inline' })
    undo.push(() => broker.close())
    await broker.publish('live', 'before')
    const program = new Program(['--dir', dir, 'sub', 'live', '--from', 'start', '--count', '2'])
    await program.says('before')
    await broker.publish('live', 'after')
    const ended = await program.ended

    expect(ended.exitCode).toBe(0)
    expect(linesOf(ended).map(({ data }) => data)).toEqual(['before', 'after'])
  })

  it('tell in their output when retention has overtaken them, and exit with 6', async () => {
    const dir = directory()
    const broker = await openDurableBroker(dir, {
      engine: 'inline',
      segmentBytes: 8192,
      retention: { count: 200 },
    })
    undo.push(() => broker.close())
    await broker.publish('a', 'first')
    const program = new Program(['--dir', dir, 'sub', 'a', '--from', 'start', '--idle', '2s'])
    await program.says('first')
    program.child.kill('SIGSTOP')
    for (let n = 0; n < 100; n++) {
      for (let k = 0; k < 50; k++) broker.topic('a').append({ n: n * 50 + k, pad: 'x'.repeat(60) })
      await broker.flush()
    }
    program.child.kill('SIGCONT')
    const ended = await program.ended
    const shown = linesOf(ended)
    const gaps = shown.filter(({ _ }) => _ === 'gap') as { from: number; to: number; count: number }[]
    const missing = gaps.reduce((sum, { count }) => sum + count, 0)

    expect(ended.exitCode).toBe(6)
    expect(gaps.length).toBeGreaterThan(0)
    expect(gaps.every(({ count, from, to }) => count === to - from + 1)).toBe(true)
    expect(shown.length - gaps.length + missing).toBe(5001)
    expect(ended.stderr).toContain('messages of a (')
  })

  it('show nothing twice when the limits of one topic have overtaken them', async () => {
    const dir = directory()
    const topics = { b: { count: 5 } }
    const broker = await openInline(dir, { segmentBytes: 8192, compactOnSeal: false, retention: { topics } })
    await broker.publish('a', 'first')
    const program = new Program(['--dir', dir, 'sub', '>', '--from', 'start', '--idle', '2s'])
    await program.says('first')
    program.child.kill('SIGSTOP')
    for (let n = 0; n < 400; n++) {
      broker.topic(n % 2 === 0 ? 'a' : 'b').append({ n, pad: 'x'.repeat(60) })
      if (n % 20 === 19) await broker.flush()
    }
    await broker.compact()
    program.child.kill('SIGCONT')
    const ended = await program.ended
    const shown = linesOf(ended)
    const offsets = shown
      .filter(({ topic, _ }) => topic === 'a' && _ === undefined)
      .map(({ offset }) => offset)

    expect(ended.exitCode).toBe(6)
    expect(shown.some(({ _, topic }) => _ === 'gap' && topic === 'b')).toBe(true)
    expect(offsets).toEqual(Array.from({ length: 201 }, (_, n) => n))
  })

  it('carry messages from topic to topic without a change', async () => {
    const payload = fc.oneof(
      fc.jsonValue(),
      fc.string({ unit: 'grapheme' }),
      fc.uint8Array(),
      fc.constant(undefined),
    )
    const dir = directory()
    const broker = await openDurableBroker(dir, { engine: 'inline' })
    const samples = fc.sample(payload, { ...fcParameters(300), numRuns: 300 })
    for (const [n, sample] of samples.entries())
      await broker.publish('from', sample, {
        id: `id ${n}`,
        ...(n % 2 === 0 ? { key: `ключ ${n}` } : {}),
        ...(n % 3 === 0 ? { headers: { 'a b': `"${n}"` } } : {}),
      })
    await broker.close()
    const shown = await on(dir, ['sub', 'from', '--from', 'start', '-e'])
    const published = await on(dir, ['pub', 'to', '--records'], shown.stdout)
    const again = await on(dir, ['sub', 'to', '--from', 'start', '-e'])
    const parts = (ended: Ended): string[] =>
      linesOf(ended).map(({ b64, data, headers, id, key, offset }) =>
        JSON.stringify({ b64, data, headers, id, key, offset }),
      )

    expect(published).toMatchObject({ exitCode: 0, stdout: 'published 300, refused 0\n' })
    expect(parts(again)).toEqual(parts(shown))
  })

  it('end with 124 on --timeout, 0 on --idle, 130 on Ctrl-C, 8 for what is evicted or lies in the future', async () => {
    const dir = directory()
    await on(dir, ['pub', 'a', '1'])
    expect((await on(dir, ['--timeout', '200ms', 'sub', 'a'])).exitCode).toBe(124)
    expect((await on(dir, ['sub', 'a', '--idle', '200ms'])).exitCode).toBe(0)
    expect(await on(dir, ['sub', 'a', '--from', '7'])).toMatchObject({
      exitCode: 8,
      stderr: expect.stringContaining('lies in the future') as string,
    })
    const waiting = new Program(['--dir', dir, 'sub', 'a', '--from', 'start'])
    await waiting.says('"data":1')
    waiting.child.kill('SIGINT')
    expect((await waiting.ended).exitCode).toBe(130)
  })

  it('say who has the log open, with 4, and that there is none, with 3', async () => {
    const dir = directory()
    const broker = await openDurableBroker(dir, { engine: 'inline' })
    undo.push(() => broker.close())

    expect(await on(dir, ['pub', 'a', '1'])).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining(`process ${process.pid}`) as string,
    })
    for (const args of [
      ['sub', 'a'],
      ['topics'],
      ['groups'],
      ['wal', 'info'],
      ['wal', 'verify'],
      ['wal', 'dump'],
    ])
      expect(await on(`${dir}/none`, args), args.join(' ')).toMatchObject({
        exitCode: 3,
        stderr: expect.stringContaining('There is no log in') as string,
      })
  })

  it.each([
    [['pub'], 'Name a topic.'],
    [['pub', 'a', 'b', '--file', 'c'], 'Give a body or --file, not both.'],
    [['pub', 'a', 'b', '--records'], '--records is about lines'],
    [['pub', 'a', '--count', '2'], '--count repeats a body, and there is none.'],
    [['pub', 'a', 'b', '-H', 'c'], 'Give a name and a value, like source:import.'],
    [['sub', 'a', 'b', '--from', '1'], 'An offset or a number of messages needs one pattern.'],
    [['sub', 'a', '--from', 'soon'], 'Use start, end, an offset, -50'],
    [['sub', 'a', '--filter', 'x'], 'Give a path into the data and a value'],
    [['sub', 'a..b'], 'Invalid pattern "a..b"'],
    [['groups', 'seek', 'g'], 'Say where to: --to <position> or --shift <n>.'],
    [['groups', 'seek', 'g', '--shift', 'x'], 'Give a whole number of messages'],
    [['wal', 'dump', '--from-seq', '-1'], 'Give a whole number from 0.'],
    [['wal', 'bogus'], "unknown command 'bogus'"],
  ])('refuse %j in one line, with 2', async (args, line) => {
    const dir = directory()
    const { exitCode, stderr } = await on(dir, args)

    expect(exitCode).toBe(2)
    expect(stderr).toContain(line)
    expect(stderr).toMatch(/^spillway: [^\n]+\n$/)
  })
})

describe('spillway topics and groups', () => {
  it('list what there is, as tables and as JSON', async () => {
    const dir = directory()
    await on(dir, ['pub', 'b', '1', '--count', '3'])
    await on(dir, ['pub', 'a', '1'])

    expect((await on(dir, ['topics', '--sort', 'messages'])).stdout).toMatch(
      /TOPIC.*\n {2}b +3 +0 +3\n {2}a +1/,
    )
    expect(JSON.parse((await on(dir, ['--json', 'topics', 'x.>'])).stdout)).toEqual([])
    expect((await on(dir, ['topics', 'x'])).exitCode).toBe(3)
    expect(JSON.parse((await on(dir, ['--json', 'groups'])).stdout)).toEqual([])
  })

  it('show how far a group is behind, move it only with --yes, and deliver what was announced', async () => {
    const dir = directory()
    await on(dir, ['pub', 'n'], lines(0, 100))
    const group = async (...args: string[]): Promise<Record<string, unknown>> =>
      (JSON.parse((await on(dir, ['--json', 'groups', ...args])).stdout) as [Record<string, unknown>])[0]
    const read = async (count: number): Promise<unknown[]> => {
      const args = ['sub', 'n', '--group', 'g', '--from', 'start', '--count', String(count)]
      return linesOf(await on(dir, args)).map(({ data }) => data)
    }
    expect(await read(40)).toEqual(Array.from({ length: 40 }, (_, n) => n))
    expect(await group('g')).toMatchObject({ group: 'g', pattern: 'n', lagMessages: 60 })

    expect(await group('seek', 'g', '--shift', '-5')).toMatchObject({ lagAfter: 65, again: 5, done: false })
    expect(await group('g')).toMatchObject({ lagMessages: 60 })
    expect(await group('seek', 'g', '--shift', '-5', '--yes')).toMatchObject({ lagAfter: 65, done: true })
    expect(await group('g')).toMatchObject({ lagMessages: 65 })
    expect(await read(2)).toEqual([35, 36])
    expect(await group('seek', 'g', '--shift', '1000', '--yes')).toMatchObject({
      passedOver: 63,
      lagAfter: 0,
    })
    expect(await group('g')).toMatchObject({ lagMessages: 0 })
    expect(await group('seek', 'g', '--to', '98', '--yes')).toMatchObject({ again: 2 })
    expect(await read(2)).toEqual([98, 99])
    expect(await group('seek', 'g', '--to', 'start', '--yes')).toMatchObject({ again: 100 })
    expect(linesOf(await on(dir, ['sub', 'n', '--group', 'g', '-e']))).toHaveLength(100)

    expect(await group('rm', 'g')).toMatchObject({ done: false })
    expect((await on(dir, ['groups', 'rm', 'g', '--yes'])).stdout).toBe(
      'g on n: forgotten, with 0 messages unread\n',
    )
    expect((await on(dir, ['groups', 'g'])).exitCode).toBe(3)
  })
})

describe('a record as a line', () => {
  it('comes back as it was', () => {
    const message = (payload: unknown): StoredMessage => ({
      ...{
        topic: 't',
        payload,
        headers: { h: 'v' },
        id: 'i',
        time: 0,
        offset: 1,
        seq: 2,
        key: 'k',
        tombstone: false,
      },
    })
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.uint8Array(), fc.constant(undefined)), (payload) => {
        const text = JSON.stringify(recordLine(message(payload)))
        const sent = JSON.parse(
          JSON.stringify({ payload: payload instanceof Uint8Array ? [...payload] : payload }),
        )
        const back = parseRecord(text) as { payload: unknown }
        const got = back.payload instanceof Uint8Array ? [...back.payload] : back.payload
        expect(JSON.parse(JSON.stringify({ payload: got }))).toEqual(sent)
        expect(back).toMatchObject({ topic: 't', id: 'i', key: 'k', headers: { h: 'v' } })
      }),
      fcParameters(500),
    )
  })

  it.each([
    ['{', 'not JSON'],
    ['[]', 'not a JSON object'],
    ['{"key":1}', '"key" is not a string'],
    ['{"headers":{"a":1}}', '"headers" is not an object of strings'],
    ['{"b64":"?"}', '"b64" is not base64'],
    ['{"b64":"","data":1}', 'there are both "data" and "b64"'],
    [
      '{"data":0.1234567890123456789}',
      'the number 0.1234567890123456789 cannot be held exactly; quote it, or use --raw',
    ],
  ])('%s is refused: %s', (text, why) => {
    expect(parseRecord(text)).toBe(why)
  })
})

describe('a position on the command line', () => {
  it.each([
    ['start', 'start'],
    ['12', 12],
    ['-3', -3],
    ['@2026-11-23T08:00Z', new Date('2026-11-23T08:00Z')],
  ])('%s', (text, position) => {
    expect(parsePosition(text)).toEqual(position)
  })

  it('so long ago', () => {
    const time = parsePosition('@-15m') as Date
    expect(Math.abs(Date.now() - 15 * 60_000 - time.getTime())).toBeLessThan(1000)
  })
})
