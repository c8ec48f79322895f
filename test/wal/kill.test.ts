import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { openDurableBroker } from '../../src/wal/index.ts'
import { mustRun } from '../support/command.ts'
import { random, seed } from '../support/seed.ts'
import { root } from '../support/source-tree.ts'

const child = fileURLToPath(new URL('children/publisher.mjs', import.meta.url))
const rounds = Number(process.env['SPILLWAY_KILL_ROUNDS'] ?? 200)

beforeAll(() => mustRun('node', ['scripts/build.mjs', '--if-stale'], root), 120_000)

interface Killed {
  /** The highest acknowledged offset of each topic, and how many acknowledgements came. */
  readonly acked: Map<string, number>
  readonly count: number
  readonly order: readonly string[]
}

/** Runs the publisher until `after` acknowledgements have been read, and kills it. */
async function killAfter(
  directory: string,
  publishers: number,
  sync: string,
  after: number,
): Promise<Killed> {
  const publisher = spawn(process.execPath, [child, directory, String(publishers), sync], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const acked = new Map<string, number>()
  const order: string[] = []
  let rest = ''
  let count = 0
  publisher.stdout.setEncoding('utf8')
  publisher.stdout.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [kind, topic = '', offset] = line.split(' ')
      if (kind !== 'ack') continue
      if (Number(offset) !== (acked.get(topic) ?? Number(offset) - 1) + 1) order.push(line)
      acked.set(topic, Number(offset))
      if (++count === after) publisher.kill('SIGKILL')
    }
  })
  await ended(publisher)
  return { acked, count, order }
}

async function ended(process: ChildProcess): Promise<void> {
  const [, signal] = (await once(process, 'close')) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
}

/** How many records each topic holds; throws when one is not what was published. */
async function inspect(directory: string, from: Map<string, number>): Promise<Map<string, number>> {
  const broker = await openDurableBroker(directory, { engine: 'inline' })
  try {
    const next = new Map<string, number>()
    for (const topic of broker.topics()) {
      const begin = from.get(topic.topic) ?? 0
      next.set(topic.topic, topic.next)
      if (begin === topic.next) continue
      let expected = begin
      for await (const { offset, payload } of broker.subscribe(topic.topic, { from: begin })) {
        expect(offset).toBe(expected)
        expect(payload).toEqual({ n: offset, pad: 'x'.repeat(offset % 300) })
        if (++expected === topic.next) break
      }
    }
    return next
  } finally {
    await broker.close()
  }
}

describe('kill -9 at random moments', () => {
  test.each(['always', 'os'])(
    'loses and reorders nothing that was acknowledged, with sync %s',
    { timeout: 600_000 },
    async (sync) => {
      const draw = random(seed)
      const directory = mkdtempSync(`${tmpdir()}/spillway-`)
      let before = new Map<string, number>()
      const promised = new Map<string, number>()
      let acks = 0
      try {
        for (let round = 0; round < rounds / 2; round++) {
          const publishers = [1, 3, 30][round % 3] ?? 1
          const { acked, count, order } = await killAfter(
            directory,
            publishers,
            sync,
            1 + Math.floor(draw() * 400),
          )
          expect(order).toEqual([])
          acks += count
          for (const [topic, offset] of acked) promised.set(topic, offset)
          // Half of the time the next process finds what the kill left, not what a clean close did.
          if (draw() < 0.5 && round + 1 < rounds / 2) continue
          const next = await inspect(directory, before)
          for (const [topic, offset] of promised) expect(next.get(topic)).toBeGreaterThan(offset)
          for (const [topic, end] of before) expect(next.get(topic)).toBeGreaterThanOrEqual(end)
          before = next
        }
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
      console.log(`${rounds / 2} kills with sync "${sync}", ${acks} acknowledgements, 0 lost; seed ${seed}`)
    },
  )
})
