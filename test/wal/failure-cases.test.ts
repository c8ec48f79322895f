import { crc32 } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import { LogCorruptError, LogNewerError } from '../../src/wal/errors.ts'
import { controlBatch } from '../../src/wal/format/batch-builder.ts'
import { sealBatch } from '../../src/wal/format/batch-header.ts'
import { segmentHeaderBytes, viewOf } from '../../src/wal/format/layout.ts'
import { encodeManifest } from '../../src/wal/format/manifest.ts'
import { readManifest, readSegmentHeader, writeManifest } from '../../src/wal/recovery/directory.ts'
import { segmentName } from '../../src/wal/segment/names.ts'
import { outlived } from '../../src/wal/store/retention.ts'
import { explore } from '../crash/explore.ts'
import { SimDisk } from '../crash/sim-disk.ts'
import { dir } from './crash-scenario.ts'
import { readAll, SimLog } from './sim-log.ts'

const segmentBytes = 4096 + 420

function put(log: SimLog, text: string): void {
  log.append('a', text, true, { stored: () => undefined, failed: () => undefined })
  log.commit()
}

/** A log of some segments with a record per commit, each different. */
function made(records: number, end: 'crashed' | 'closed' = 'crashed', bytes = segmentBytes): SimDisk {
  const disk = new SimDisk(['/data'])
  const log = new SimLog(disk, dir, bytes)
  for (let n = 0; n < records; n++) put(log, textOf(n))
  if (end === 'closed') log.close()
  else log.release()
  disk.settle()
  return disk
}

function textOf(n: number): string {
  return `record ${n} `.padEnd(30, String.fromCodePoint(65 + n))
}

function texts(records: number): readonly string[] {
  return Array.from({ length: records }, (_, n) => textOf(n))
}

function open(disk: SimDisk): readonly string[] {
  new SimLog(disk, dir, segmentBytes).release()
  return readAll(disk, dir).map(({ text }) => text)
}

function segments(disk: SimDisk): readonly string[] {
  return disk.paths().filter((path) => path.endsWith('.seg'))
}

function lastSegment(disk: SimDisk): string {
  return segments(disk).at(-1) ?? ''
}

/** Every file with its bytes. */
function everything(disk: SimDisk): ReadonlyMap<string, string> {
  return new Map(disk.paths().map((path) => [path, Buffer.from(disk.bytesOf(path)).toString('hex')]))
}

/** Opening must refuse, name the file, and change nothing. */
function assertRefused(disk: SimDisk, file: string): void {
  const before = everything(disk)
  let thrown: unknown
  try {
    open(disk)
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(LogCorruptError)
  expect(thrown).toHaveProperty('file', file.split('/').at(-1))
  expect(everything(disk)).toEqual(before)
}

/** Puts bytes behind everything a file holds. */
function append(disk: SimDisk, path: string, bytes: Uint8Array): void {
  disk.corrupt(path, (old) => Buffer.concat([old, bytes]))
}

/** A batch that the last segment would take for its next one, but for what `edit` does to its header before it is sealed. */
function forged(disk: SimDisk, edit: (view: DataView) => void): Uint8Array {
  const file = disk.open(lastSegment(disk), 'read')
  const { salt } = readSegmentHeader(file, 'last')
  const batch = controlBatch(0, new Uint8Array(0), 0, 1000)
  const view = viewOf(batch)
  sealBatch(batch, view, salt, 0, 0)
  edit(view)
  // Once more, with the body's length put right in between, for the checksum of the header only.
  const bodyBytes = view.getUint32(8, true)
  view.setUint32(8, 0, true)
  const head = Buffer.alloc(batch.length, batch)
  head.writeUInt32LE(bodyBytes, 8)
  sealBatch(head, viewOf(head), salt, 0, 0)
  return head
}

describe('a torn write', () => {
  test.each(['cut off', 'zeros', 'rubbish'])('at every byte of the last batch, the rest of it %s', (rest) => {
    const sample = made(3, 'crashed', 1 << 20)
    const path = lastSegment(sample)
    const bytes = sample.bytesOf(path)
    const begins = made(2, 'crashed', 1 << 20).bytesOf(path).length
    expect(bytes.length).toBeGreaterThan(begins)
    for (let to = begins; to < bytes.length; to++) {
      const disk = sample.kill()
      disk.corrupt(path, (copy) =>
        rest === 'cut off' ? copy.slice(0, to) : copy.fill(rest === 'zeros' ? 0 : 0xa5, to),
      )
      // A batch may end in zeros, so that nothing is torn at all.
      const whole = Buffer.compare(disk.bytesOf(path), bytes) === 0
      expect(open(disk)).toEqual(texts(whole ? 3 : 2))
    }
  })

  test('in the header of a segment that was just begun cannot have been: refused', () => {
    const sample = made(8)
    const path = lastSegment(sample)
    for (let to = 0; to < segmentHeaderBytes; to += 31) {
      const disk = sample.kill()
      disk.corrupt(path, (bytes) => bytes.slice(0, to))
      assertRefused(disk, path)
    }
  })
})

describe('files that are not as they were', () => {
  test('a next segment while the one before it is short', () => {
    const sample = made(8)
    const before = segments(sample).at(-2) ?? ''
    for (let to = 0; to < sample.bytesOf(before).length; to += 7) {
      const disk = sample.kill()
      disk.corrupt(before, (bytes) => bytes.slice(0, to))
      assertRefused(disk, before)
    }
  })

  test('a segment in the middle is gone, the first is, or the last of a log that was closed', () => {
    for (const [index, path] of segments(made(12, 'closed')).entries()) {
      const disk = made(12, 'closed')
      disk.unlink(path)
      disk.settle()
      const before = everything(disk)
      expect(() => open(disk), `without segment ${index}`).toThrow(LogCorruptError)
      expect(everything(disk)).toEqual(before)
    }
  })

  test('segments below the start of the log are all there is', () => {
    const disk = made(8)
    const manifest = readManifest(disk, dir)
    if (manifest === undefined) throw new Error('no manifest')
    writeManifest(disk, dir, { ...manifest, startSeq: 100 })
    disk.settle()
    assertRefused(disk, segmentName(100))
  })

  test('a segment of another log in the place of ours', () => {
    const [disk, other] = [made(8), made(8)]
    const path = lastSegment(disk)
    disk.corrupt(path, () => other.bytesOf(path))
    assertRefused(disk, path)
  })

  test('MANIFEST is damaged, empty or gone: the log is never taken for a new one', () => {
    for (const damage of [1, 40, 70]) {
      const disk = made(8)
      disk.corrupt(`${dir}/MANIFEST`, (bytes) => bytes.fill(0x20, damage, damage + 1))
      assertRefused(disk, 'MANIFEST')
    }
    const empty = made(1)
    empty.corrupt(`${dir}/MANIFEST`, () => new Uint8Array(0))
    assertRefused(empty, 'MANIFEST')
    for (const records of [1, 8]) {
      const gone = made(records)
      gone.unlink(`${dir}/MANIFEST`)
      assertRefused(gone, 'MANIFEST')
    }
  })

  test('damage in an old segment is found late, by whoever reads it, and costs nothing newer', () => {
    const disk = made(12)
    const [first = ''] = segments(disk)
    disk.corrupt(first, (bytes) => {
      bytes[segmentHeaderBytes + 100] = 0
    })
    const before = everything(disk)
    new SimLog(disk, dir, segmentBytes).release()
    expect(everything(disk)).toEqual(before)
    expect(() => readAll(disk, dir)).toThrow(first.split('/').at(-1))
  })
})

describe('bytes that look like something else', () => {
  test('a sector of zeros in the middle of what was acknowledged is damage, not the end', () => {
    const sample = made(40, 'crashed', 1 << 20)
    const path = lastSegment(sample)
    // The last commit or two may be what was being written.
    for (let at = segmentHeaderBytes; at + 1024 < sample.bytesOf(path).length; at += 512) {
      const disk = sample.kill()
      disk.corrupt(path, (bytes) => bytes.fill(0, at, at + 512))
      assertRefused(disk, path)
    }
  })

  test('a length beyond the file takes no memory for it', () => {
    const disk = made(1)
    const forgery = forged(disk, (view) => view.setUint32(8, 0xfff_fff0, true))
    append(disk, lastSegment(disk), forgery)
    const log = new SimLog(disk.kill(), dir, segmentBytes)
    expect(log.opened.report.torn?.bytes).toBeGreaterThan(0)
    const empty = new SimDisk(['/data'])
    new SimLog(empty, dir, segmentBytes).release()
    append(
      empty,
      lastSegment(empty),
      forged(empty, (view) => view.setUint32(8, 0xfff_fff0, true)),
    )
    const allocate = vi.spyOn(Buffer, 'alloc')
    expect(open(empty)).toEqual([])
    const most = Math.max(...allocate.mock.calls.map(([bytes]) => bytes))
    expect(most).toBeLessThan(1 << 20)
  })

  test('an empty record is a record', () => {
    const disk = new SimDisk(['/data'])
    const log = new SimLog(disk, dir, segmentBytes)
    for (const text of ['', 'x', '']) put(log, text)
    log.release()
    expect(open(disk)).toEqual(['', 'x', ''])
  })

  test('what another log left where this one will write is not replayed', () => {
    const empty = made(0)
    const path = lastSegment(empty)
    append(empty, path, made(1).bytesOf(path).slice(segmentHeaderBytes))
    expect(open(empty)).toEqual([])
  })

  test('what an earlier try of the same segment left is not replayed behind the new try', () => {
    const one = made(1)
    const path = lastSegment(one)
    const [old, young] = [one.kill(), one.kill()]
    for (const [disk, letter] of [
      [old, 'o'],
      [young, 'y'],
    ] as const) {
      const log = new SimLog(disk, dir, segmentBytes)
      put(log, letter.repeat(30))
      if (disk === old) put(log, 'never again')
      log.release()
      disk.settle()
    }
    append(young, path, old.bytesOf(path).slice(young.bytesOf(path).length))
    expect(open(young)).toEqual([textOf(0), 'y'.repeat(30)])
  })
})

describe('something newer', () => {
  test('a batch with a flag nobody knows is refused, not skipped', () => {
    const disk = made(0)
    append(
      disk,
      lastSegment(disk),
      forged(disk, (view) => view.setUint16(48, 1 << 12, true)),
    )
    expect(() => open(disk)).toThrow(LogNewerError)
  })

  test('a batch header that is longer is refused', () => {
    const disk = made(0)
    append(
      disk,
      lastSegment(disk),
      forged(disk, (view) => view.setUint16(62, 1, true)),
    )
    expect(() => open(disk)).toThrow(LogNewerError)
  })

  test('a segment of another major version is refused', () => {
    const disk = made(1)
    disk.corrupt(lastSegment(disk), (bytes) => {
      const view = viewOf(bytes)
      view.setUint16(8, 2, true)
      view.setUint32(4, crc32(bytes.subarray(8, 128)), true)
    })
    expect(() => open(disk)).toThrow(LogNewerError)
  })

  test('a MANIFEST of a later format is refused', () => {
    const disk = made(1)
    const manifest = readManifest(disk, dir)
    if (manifest === undefined) throw new Error('no manifest')
    disk.corrupt(`${dir}/MANIFEST`, () => encodeManifest({ ...manifest, format: 2 }))
    expect(() => open(disk)).toThrow(LogNewerError)
  })
})

describe('retention', () => {
  test('removes nothing when the clock is set back', () => {
    const segment = (baseSeq: number) => ({ baseSeq, bytes: 5000, lastMs: 1_000_000 + baseSeq })
    const log = { activeBase: 30, nextSeq: 40, nowMs: 5 }
    expect(outlived({ ageMs: 10 }, [segment(0), segment(10), segment(20)], [], log)).toEqual([])
  })

  test('killed half-way leaves the log with all of it or from its new start on', () => {
    const explored = explore<never>(
      {
        disk: () => made(12),
        run: (disk) => {
          const manifest = readManifest(disk, dir)
          if (manifest === undefined) throw new Error('no manifest')
          writeManifest(disk, dir, { ...manifest, startSeq: 8 })
          for (const path of segments(disk).slice(0, 2)) disk.unlink(path)
        },
        check: (disk) => {
          new SimLog(disk, dir, segmentBytes).release()
          const found = readAll(disk, dir).map(({ seq }) => seq)
          const start = readManifest(disk, dir)?.startSeq ?? 0
          const expected = Array.from({ length: 12 - start }, (_, n) => start + n)
          if (found.join(' ') !== expected.join(' ')) throw new Error(`found ${found.join(' ')}`)
        },
      },
      { states: 300 },
    )
    expect(explored.distinct).toBeGreaterThan(3)
  })
})
