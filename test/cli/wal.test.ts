import { copyFileSync, readdirSync, readFileSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { type DurableBroker, LogCorruptError, openDurableBroker } from '../../src/wal/index.ts'
import { buildProgram, type Ended, linesOf, spillway } from './program.ts'
import { directory, openInline } from '../support/undo.ts'

beforeAll(buildProgram)

const openLog = (dir: string): Promise<DurableBroker> => openInline(dir, { segmentBytes: 8192 })

/** A log of some segments, closed. */
async function someLog(
  records = 500,
): Promise<{ readonly dir: string; readonly segments: readonly string[] }> {
  const dir = directory()
  const broker = await openLog(dir)
  for (let n = 0; n < records; n += 25) {
    for (let k = n; k < n + 25; k++) broker.topic('a').append({ n: k, pad: 'x'.repeat(60) })
    await broker.flush()
  }
  await broker.close()
  return { dir, segments: segmentsOf(dir) }
}

const segmentsOf = (dir: string): readonly string[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.seg'))
    .toSorted()

function flip(path: string, position: number): void {
  const bytes = readFileSync(path)
  bytes[position] = (bytes[position] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

const wal = (command: string, dir: string, ...args: string[]): Promise<Ended> =>
  spillway(['wal', command, dir, ...args])

const numbersOf = (ended: Ended): unknown[] =>
  linesOf(ended).flatMap(({ data }) => (data === undefined ? [] : [(data as { n: number }).n]))
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n)

describe('spillway wal', () => {
  it('says of a sound log what it holds, that nothing is wrong, and everything in it', async () => {
    const { dir, segments } = await someLog()
    const info = JSON.parse((await spillway(['--json', 'wal', 'info', dir])).stdout) as Record<
      string,
      unknown
    >
    const verified = await wal('verify', dir)

    expect(segments.length).toBeGreaterThan(4)
    expect(info).toMatchObject({ clean: true, holder: null, first: 0, next: 500, topics: 1, error: null })
    expect(verified).toMatchObject({ exitCode: 0 })
    expect(verified.stdout).toContain(`✔ ${segments.length} segments, 500 records`)
    expect(numbersOf(await wal('dump', dir))).toEqual(range(0, 500))
    expect(await wal('repair', dir)).toMatchObject({
      exitCode: 0,
      stdout: 'Nothing is damaged, so nothing was changed.\n',
    })
  })

  it('looks at a log in use without disturbing it, and repairs none', async () => {
    const dir = directory()
    const broker = await openLog(dir)
    await broker.publish('a', 1)

    expect((await wal('info', dir)).stdout).toContain(`in use by process ${process.pid}`)
    expect((await wal('verify', dir)).exitCode).toBe(0)
    expect(await wal('repair', dir, '--yes')).toMatchObject({ exitCode: 4 })
    await broker.publish('a', 2)
  })

  it('tells an unfinished write from damage', async () => {
    const dir = directory()
    const broker = await openLog(dir)
    await broker.publish('a', 'kept')
    const path = `${dir}/${segmentsOf(dir)[0]}`
    const before = readFileSync(path)
    await broker.publish('a', 'torn'.repeat(50))
    const after = readFileSync(path)
    const torn = directory()
    copyFileSync(`${dir}/MANIFEST`, `${torn}/MANIFEST`)
    writeFileSync(`${torn}/${segmentsOf(dir)[0]}`, after.subarray(0, before.length + 40))

    const verified = await wal('verify', torn)

    expect(verified.exitCode).toBe(0)
    expect(verified.stdout).toContain('of a write that was not finished')
  })

  it('finds damage in the middle, reads what lies behind it, and cuts only with --yes, keeping what it cuts', async () => {
    const { dir, segments } = await someLog()
    const [, second = ''] = segments
    flip(`${dir}/${second}`, 5000)
    await expect(openDurableBroker(dir).then((broker) => broker.close())).resolves.toBeUndefined() // it is an old one

    const verified = await wal('verify', dir)
    const dumped = await wal('dump', dir)
    const [damage] = (
      JSON.parse((await spillway(['--json', 'wal', 'verify', dir])).stdout) as {
        damages: { fromSeq: number; toSeq: number; position: number }[]
      }
    ).damages
    const { fromSeq = 0, position = 0, toSeq = 0 } = damage ?? {}

    expect(verified.exitCode).toBe(7)
    expect(verified.stdout).toContain(`${second} at byte ${position}`)
    expect(dumped.exitCode).toBe(7)
    expect(numbersOf(dumped)).toEqual([...range(0, fromSeq), ...range(toSeq, 500)])
    expect(linesOf(dumped)).toContainEqual(
      expect.objectContaining({ _: 'gap', reason: 'damaged', fromSeq, toSeq, count: toSeq - fromSeq }),
    )

    const planned = await wal('repair', dir)
    expect(planned.exitCode).toBe(7)
    expect(planned.stdout).toContain(`${500 - toSeq} messages that can be read lie behind it`)
    expect(segmentsOf(dir)).toEqual(segments)

    const repaired = await wal('repair', dir, '--yes')
    expect(repaired.exitCode).toBe(0)
    const [kept = ''] = readdirSync(dir).filter((name) => name.startsWith('damaged-'))
    expect(segmentsOf(`${dir}/${kept}`)).toEqual(segments.slice(1))
    expect((await wal('verify', dir)).exitCode).toBe(0)
    const broker = await openLog(dir)
    expect(broker.topics()).toEqual([{ topic: 'a', first: 0, next: fromSeq }])
    expect(await broker.publish('a', { n: -1 })).toMatchObject({ offset: fromSeq })
  })

  it('compacts by key and by limits, and says what that saved', async () => {
    const dir = directory()
    const broker = await openLog(dir)
    for (let n = 0; n < 600; n++) {
      await broker.publish('users', { n, pad: 'x'.repeat(60) }, { key: `k${n % 10}` })
      broker.topic('debug.x').append({ n, pad: 'x'.repeat(60) })
    }
    await broker.close()
    const args = ['--json', 'wal', 'compact', dir, '--keys', 'users', '--limit', 'debug.>:100']
    const report = JSON.parse((await spillway(args)).stdout) as Record<string, number>

    expect(report['compaction']).toBeGreaterThan(400)
    expect(report['retention']).toBeGreaterThan(400)
    expect(report['bytesAfter']).toBeLessThan(report['bytesBefore'] ?? 0)
    expect((await wal('verify', dir)).exitCode).toBe(0)
    const left = linesOf(await wal('dump', dir))
    expect(left).toHaveLength(1200 - (report['compaction'] ?? 0) - (report['retention'] ?? 0))
    expect(await wal('compact', dir)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('Say what to compact') as string,
    })
    expect((await wal('compact', dir, '--limit', 'a:1xyz')).stderr).toContain('like debug.>:1000')
  })

  it('repairs a MANIFEST that is damaged or gone without losing a message', async () => {
    for (const harm of [(path: string) => flip(path, 3), unlinkSync]) {
      const { dir } = await someLog(100)
      harm(`${dir}/MANIFEST`)
      await expect(openLog(dir)).rejects.toBeInstanceOf(LogCorruptError)

      expect((await wal('info', dir)).exitCode).toBe(7)
      expect((await wal('verify', dir)).exitCode).toBe(7)
      expect((await wal('repair', dir, '--yes')).stdout).toContain(
        'MANIFEST was written anew; no message is lost.',
      )
      expect((await openLog(dir)).topics()).toEqual([{ topic: 'a', first: 0, next: 100 }])
    }
  })

  it('a group does not stand beyond the end of a log that was cut', async () => {
    const dir = directory()
    const broker = await openLog(dir)
    const member = broker.subscribe('a', { group: 'g', from: 'start' })
    for (let n = 0; n < 400; n++) await broker.publish('a', { n, pad: 'x'.repeat(60) })
    for await (const message of member) {
      message.ack()
      if (message.offset === 399) break
    }
    await broker.close()
    flip(`${dir}/${segmentsOf(dir)[2]}`, 5000)
    expect((await wal('repair', dir, '--yes')).exitCode).toBe(0)
    const again = await openLog(dir)
    const [group] = await again.groups()
    const { offset } = await again.publish('a', 'new')

    expect(group?.cursor).toBeLessThanOrEqual(again.ledger().log.appended)
    for await (const message of again.subscribe('a', { group: 'g' })) {
      expect(message.offset).toBeLessThanOrEqual(offset)
      message.ack()
      if (message.offset === offset) break
    }
  })

  it('cuts where a segment is missing, and refuses when nothing would be left', async () => {
    const { dir, segments } = await someLog()
    unlinkSync(`${dir}/${segments[2]}`)
    expect((await wal('verify', dir)).exitCode).toBe(7)
    expect((await wal('repair', dir, '--yes')).exitCode).toBe(0)
    expect((await wal('verify', dir)).exitCode).toBe(0)
    expect(segmentsOf(dir)).toEqual(segments.slice(0, 2))

    truncateSync(`${dir}/${segments[0]}`, 100)
    expect(await wal('repair', dir, '--yes')).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('nothing would be left') as string,
    })
    expect(segmentsOf(dir)).toEqual(segments.slice(0, 2))
  })
})
