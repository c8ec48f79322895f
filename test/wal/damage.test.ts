import { describe, expect, test } from 'vitest'
import { LogCorruptError, LogNewerError } from '../../src/wal/errors.ts'
import { SimDisk } from '../crash/sim-disk.ts'
import { random, seed } from '../support/seed.ts'
import { dir } from './crash-scenario.ts'
import { readAll, SimLog } from './sim-log.ts'

const segmentBytes = 4096 + 420

/** A log of three segments, a record per commit. */
function makeLog(end: 'crashed' | 'watermark' | 'closed'): { disk: SimDisk; texts: readonly string[] } {
  const disk = new SimDisk(['/data'])
  const log = new SimLog(disk, dir, segmentBytes)
  const texts: string[] = []
  for (let n = 0; n < 9; n++) {
    const text = `record ${n} `.padEnd(30, String(n))
    texts.push(text)
    log.append(`t${n % 2}`, text, true, { stored: () => undefined, failed: () => undefined })
    log.commit()
  }
  if (end === 'closed') log.close()
  else {
    if (end === 'watermark') log.queue.writeWatermark()
    log.release()
  }
  disk.settle()
  return { disk, texts }
}

/** What a reader finds after opening; undefined when the log, or reading it, says that it is damaged. */
function found(disk: SimDisk): readonly string[] | undefined {
  try {
    const log = new SimLog(disk, dir, segmentBytes)
    log.release()
    const records = readAll(disk, dir)
    // A log that was closed opens without reading its records; whoever reads them meets the damage.
    return records.length === log.opened.state.nextSeq ? records.map(({ text }) => text) : undefined
  } catch (error) {
    if (error instanceof LogCorruptError || error instanceof LogNewerError) return undefined
    throw error
  }
}

/** What to do to one file. */
interface Damage {
  readonly path: string
  readonly edit: (bytes: Uint8Array) => Uint8Array | void
}

interface Tally {
  refused: number
  whole: number
  cut: number
}

/** Opens the log after each damage, and sees that what it says is true: never a wrong byte, at most the end is missing. */
function tally(
  made: { disk: SimDisk; texts: readonly string[] },
  mayLose: number,
  damages: Iterable<Damage>,
): Tally {
  const seen = { refused: 0, whole: 0, cut: 0 }
  for (const { edit, path } of damages) {
    const disk = made.disk.kill()
    disk.corrupt(path, edit)
    const texts = found(disk)
    if (texts === undefined) seen.refused++
    else if (texts.length === made.texts.length) seen.whole++
    else seen.cut++
    if (texts === undefined) continue
    expect(texts).toEqual(made.texts.slice(0, texts.length))
    expect(texts.length).toBeGreaterThanOrEqual(made.texts.length - mayLose)
  }
  return seen
}

/** Every bit of what the log has written: the rest of a segment's first block is zeros that are checked as one. */
function* everyFlip(disk: SimDisk): Generator<Damage> {
  for (const path of disk.paths()) {
    const { length } = disk.bytesOf(path)
    for (let at = 0; at < length; at++) {
      if (at >= 128 && at < 4096 && at % 97 !== 0) continue
      for (let bit = 0; bit < 8; bit++) {
        const edit = (bytes: Uint8Array) => {
          bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
        }
        yield { path, edit }
      }
    }
  }
}

function* everyLength(disk: SimDisk): Generator<Damage> {
  for (const path of disk.paths()) {
    const { length } = disk.bytesOf(path)
    for (let to = 0; to < length; to++) {
      if (to >= 128 && to < 4096 && to % 97 !== 0) continue
      yield { path, edit: (bytes) => bytes.slice(0, to) }
    }
  }
}

describe('damage', () => {
  test('every flipped bit of a log that was closed is refused', { timeout: 300_000 }, () => {
    const made = makeLog('closed')
    const seen = tally(made, 0, everyFlip(made.disk))
    console.log(`closed: ${seen.refused} flips refused, ${seen.whole} without effect`)
    expect(seen.cut).toBe(0)
    expect(seen.whole).toBeLessThan(seen.refused / 10)
  })

  test('every flipped bit below the watermark of a log that crashed is refused', { timeout: 300_000 }, () => {
    const made = makeLog('watermark')
    const seen = tally(made, 0, everyFlip(made.disk))
    console.log(`idle, then crashed: ${seen.refused} flips refused, ${seen.whole} without effect`)
    expect(seen.cut).toBe(0)
  })

  test('a flipped bit costs a log that crashed in a commit at most that commit', { timeout: 300_000 }, () => {
    const made = makeLog('crashed')
    const seen = tally(made, 1, everyFlip(made.disk))
    console.log(
      `crashed: ${seen.refused} flips refused, ${seen.cut} taken for a torn tail, ${seen.whole} without effect`,
    )
    expect(seen.refused).toBeGreaterThan(seen.cut * 4)
  })

  test(
    'every length a file may be cut to is a torn tail at its end or is refused',
    { timeout: 300_000 },
    () => {
      const made = makeLog('crashed')
      const seen = tally(made, 3, everyLength(made.disk))
      console.log(`cut short: ${seen.refused} lengths refused, ${seen.cut} taken for a torn tail`)
      expect(seen.cut).toBeGreaterThan(0)
    },
  )

  test('every length a file of a closed log may be cut to is refused', { timeout: 300_000 }, () => {
    const made = makeLog('closed')
    const seen = tally(made, 0, everyLength(made.disk))
    console.log(`closed and cut short: ${seen.refused} lengths refused`)
    expect(seen).toEqual({ refused: seen.refused, whole: 0, cut: 0 })
  })

  test('rubbish over any stretch of a file exposes no wrong byte', { timeout: 300_000 }, () => {
    const made = makeLog('watermark')
    const draw = random()
    const anywhere = (length: number) => Math.floor(draw() * length)
    const stretches = Array.from({ length: 4000 }, (): Damage => {
      const paths = made.disk.paths()
      const path = paths[anywhere(paths.length)] ?? ''
      const { length } = made.disk.bytesOf(path)
      const at = anywhere(2) === 0 || length <= 4096 ? anywhere(length) : 4096 + anywhere(length - 4096)
      const rubbish = Uint8Array.from({ length: 1 + anywhere(64) }, () => anywhere(256))
      return { path, edit: (bytes) => bytes.set(rubbish.subarray(0, length - at), at) }
    })
    // A stretch over the last commit and the watermark behind it looks like a commit that was torn.
    const seen = tally(made, 1, stretches)
    console.log(`rubbish: ${seen.refused} times refused, ${seen.cut} taken for a torn tail, seed ${seed}`)
    expect(seen.refused).toBeGreaterThan(seen.cut * 20)
  })
})
