import { expect, test } from 'vitest'
import { Arena } from '../../src/wal/commit/arena.ts'
import { Batch } from '../../src/wal/commit/batch.ts'

const chunk = 64 * 1024

/** Fills chunks of an arena with one batch each; the disk is `behind` so many batches. */
function fill(behind: readonly number[]): { made: number; kept: number; arena: Arena } {
  let made = 0
  const arena = new Arena(4 * chunk, (bytes) => {
    made++
    return new Uint8Array(bytes)
  })
  const batches: Batch[] = []
  let written = 0
  for (const most of behind) {
    const seq = batches.length
    const room = arena.room(chunk)
    const where = { segment: 0, position: seq * chunk, salt: 0, sync: true }
    const batch = new Batch(room, { baseSeq: seq, count: 1, timeMs: 0, ...where }, [])
    arena.keep(batch)
    batches.push(batch)
    for (; written < batches.length - most; written++) {
      const done = batches[written]
      if (done !== undefined) done.written = true
    }
  }
  const kept = batches.filter(({ baseSeq }) => arena.find(baseSeq) !== undefined).length
  return { made, kept, arena }
}

test('memory is used again while the disk keeps up, and while it is behind by as much all the time', () => {
  expect(fill(new Array<number>(1000).fill(1)).made).toBe(4)
  expect(fill(new Array<number>(1000).fill(40)).made).toBe(41)
})

test('what was taken for a disk that was far behind is given back', () => {
  const behind = [...new Array<number>(100).fill(60), ...new Array<number>(300).fill(1)]
  const { kept, made } = fill(behind)
  expect(made).toBe(61)
  expect(kept).toBeLessThanOrEqual(17)
})

test('a batch stays readable until its memory is used again', () => {
  const { arena } = fill([1, 1, 1, 1, 1, 1])
  expect([0, 1, 2, 3, 4, 5].map((seq) => arena.find(seq)?.baseSeq)).toEqual([
    undefined,
    undefined,
    2,
    3,
    4,
    undefined,
  ])
})

test('a batch larger than any chunk is found, also when the chunk before it had just been begun', () => {
  const arena = new Arena(4 * chunk, (bytes) => new Uint8Array(bytes))
  const sizes = [chunk, 8 * chunk, 8 * chunk, 8 * chunk]
  for (const [seq, bytes] of sizes.entries()) {
    arena.room() // where it was tried first
    const where = { segment: 0, position: 0, salt: 0, sync: true }
    const batch = new Batch(arena.room(bytes), { baseSeq: seq, count: 1, timeMs: 0, ...where }, [])
    batch.written = true
    arena.keep(batch)
    expect(arena.find(seq)).toBe(batch)
  }
})
