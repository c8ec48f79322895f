import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDurableBroker, type StoredMessage } from '../../src/wal/index.ts'
import { random, seed } from '../support/seed.ts'

let dir = ''

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'spillway-read-ahead-'))
})

afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

/** Bytes that follow from the offset alone. */
function payloadOf(offset: number, sizes: readonly number[]): Uint8Array {
  return new Uint8Array(sizes[offset % sizes.length] ?? 0).fill(offset % 251)
}

function isRight({ offset, payload }: StoredMessage, sizes: readonly number[]): boolean {
  return Buffer.compare(payload as Uint8Array, payloadOf(offset, sizes)) === 0
}

describe('a reader of files', () => {
  test(
    'gets every byte as it was, across segments, while more is written',
    { timeout: 120_000 },
    async () => {
      const draw = random()
      // Small ones, some that are not decoded together with others, and some larger than what a window carries over.
      const sizes = Array.from({ length: 97 }, (_, n) =>
        Math.floor(draw() * (n % 31 === 0 ? 600_000 : n % 7 === 0 ? 20_000 : 300)),
      )
      const options = { engine: 'inline', sync: 'os', segmentBytes: 3 << 20 } as const
      const broker = await openDurableBroker(dir, options)
      const publisher = broker.topic('a')
      let appended = 0
      const append = async (count: number): Promise<void> => {
        for (let left = count; left > 0; left--) publisher.append(payloadOf(appended++, sizes))
        await broker.flush()
      }
      await append(500)
      const wrong: number[] = []
      const read = async (from: number, until: number): Promise<number> => {
        const kept: StoredMessage[] = []
        const subscription = broker.subscribe('a', { from })
        let next = from
        for await (const batch of subscription.batches({ max: 50 }) as AsyncIterable<
          readonly StoredMessage[]
        >) {
          for (const message of batch) {
            if (message.offset !== next++ || !isRight(message, sizes)) wrong.push(message.offset)
            if (message.offset % 40 === 0) kept.push(message)
          }
          if (next >= until) break
        }
        for (const message of kept) if (!isRight(message, sizes)) wrong.push(message.offset)
        return next
      }
      const readers = [0, 1, 2, 3, 4].map((n) => read(Math.floor(draw() * 100 * n), 1500))
      for (let round = 0; round < 10; round++) await append(100)
      for (const next of await Promise.all(readers)) expect(next).toBeGreaterThanOrEqual(1500)
      expect(wrong, `seed ${seed}`).toEqual([])
      await broker.close()
    },
  )

  test('finds any offset', async () => {
    const draw = random()
    const options = { engine: 'inline', sync: 'os', segmentBytes: 200_000 } as const
    const broker = await openDurableBroker(dir, options)
    for (let n = 0; n < 20_000; n++) broker.topic(`t${n % 3}`).append(`${Math.floor(n / 3)}`)
    await broker.flush()
    for (let round = 0; round < 300; round++) {
      const offset = Math.floor(draw() * 6000)
      const subscription = broker.subscribe(`t${round % 3}`, { from: offset })
      const { value } = await subscription.next()
      subscription.close()
      expect(value, `seed ${seed}`).toMatchObject({ offset, payload: `${offset}` })
    }
    await broker.close()
  })
})
