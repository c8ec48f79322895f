import { afterAll, describe, expect, test } from 'vitest'
import { failEach } from '../crash/explore.ts'
import type { Fault, FaultKind, Method } from '../crash/faults.ts'
import type { SimDisk } from '../crash/sim-disk.ts'
import { random, seed } from '../support/seed.ts'
import { crashScenario, type Note } from './crash-scenario.ts'
import { FaultWorld, Stopped } from './fault-world.ts'

const scenario = crashScenario({ segmentBytes: 4096 + 1300, run: () => undefined })
const sizes = [20, 300, 700]
let faults = 0
let checks = 0

/** Appends, commits, seals segments, closes, opens, is killed, opens again. */
function work(world: FaultWorld): void {
  world.open()
  for (let n = 0; n < 8; n++) {
    world.append(`t${n % 2}`, sizes[n % 3] ?? 20, n % 4 !== 1)
    if (n % 3 !== 1) world.commit()
    if (n === 5) world.watermark()
  }
  world.commit()
  // Each of these fills a segment by itself.
  for (let n = 0; n < 2; n++) {
    world.append('long', 1400, true)
    world.commit()
  }
  world.close()
  world.open()
  world.read()
  for (let n = 0; n < 4; n++) {
    world.append('after', sizes[n % 3] ?? 20, n !== 2)
    world.commit()
  }
  world.abandon()
  world.open()
  world.append('last', 20, true)
  world.commit()
}

/** The next process, and power failures at once, in what it does, and after it. */
function aftermath(disk: SimDisk, notes: readonly Note[], states: number, draw: () => number): void {
  const later: { readonly at: number; readonly note: Note }[] = []
  const healed = disk.kill()
  see(healed, notes, (note) => later.push({ at: healed.log.length, note }))
  const options = () => ({ limit: states, random: draw, seen: new Set<number>() })
  for (const at of [healed.log.length, Math.floor(draw() * healed.log.length)]) {
    const told = [...notes, ...later.filter((stamped) => stamped.at <= at).map(({ note }) => note)]
    for (const state of healed.crashStates(at, options())) see(state.disk, told)
  }
  for (const state of disk.crashStates(undefined, options())) see(state.disk, notes)
}

function see(disk: SimDisk, notes: readonly Note[], note: (note: Note) => void = () => undefined): void {
  checks++
  scenario.check(disk, notes, note)
}

function attempt(disk: SimDisk, n: number, states: number, zeroAhead = 0): boolean {
  const world = new FaultWorld(disk, zeroAhead)
  let stopped = false
  try {
    work(world)
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
    stopped = true
  }
  if (disk.fired > 0) aftermath(disk, world.notes, states, random(seed + n))
  return stopped
}

const methods: readonly Method[] = [
  'open',
  'rename',
  'unlink',
  'readdir',
  'mkdir',
  'syncDirectory',
  'read',
  'write',
  'truncate',
  'sync',
]
const kinds: readonly FaultKind[] = ['EIO', 'ENOSPC', 'EIO-late']
const everyFault: readonly Fault[] = [
  ...methods.flatMap((on) => kinds.map((kind) => ({ on, kind }))),
  { on: 'any', kind: 'EIO', times: Number.POSITIVE_INFINITY },
  { on: 'write', kind: 'ENOSPC', times: Number.POSITIVE_INFINITY },
  { on: 'sync', kind: 'EIO', times: Number.POSITIVE_INFINITY },
]

describe('a disk that fails', () => {
  afterAll(() => console.log(`${faults} faults tried, ${checks} disks opened after them, seed ${seed}`))

  test.each(everyFault.map((fault) => [fault.on, fault.kind, fault.times ?? 1, fault] as const))(
    'at any %s with %s, %d times, tells everybody who waits, and keeps its promises when it is mended',
    { timeout: 300_000 },
    (_on, _kind, _times, fault) => {
      const tried = failEach(fault, (disk, n) => {
        // Only what was written ahead is ever cut while all is well.
        const stopped = fault.on === 'truncate' ? attempt(disk, n, 2, 1) : attempt(disk, n, 6)
        // Late, a call fails as it would have failed anyhow: there is nothing to open or to remove.
        const heard = stopped || disk.fired === 0 || fault.kind === 'EIO-late'
        expect(heard, `call ${n} failed and nobody heard`).toBe(true)
      })
      faults += tried
      expect(tried).toBeGreaterThan(1)
    },
  )

  test.each(['read', 'write'] as const)('at any %s by doing half of it only does no harm', (on) => {
    const tried = failEach({ on, kind: 'short' }, (disk, n) => {
      expect(attempt(disk, n, 3)).toBe(false)
    })
    faults += tried
    expect(tried).toBeGreaterThan(10)
  })

  test(
    'after half of a write takes the half back, or tells that it may be found',
    { timeout: 300_000 },
    () => {
      for (const kind of kinds) {
        faults += failEach({ on: 'write', kind: 'short' }, (disk, n) => {
          disk.failAt(n + 1, { on: 'write', kind })
          attempt(disk, n, 6)
        })
      }
      expect(faults).toBeGreaterThan(0)
    },
  )

  test(
    'after half of a write, so that it can neither be finished nor taken back, tells that it may be found',
    { timeout: 300_000 },
    () => {
      faults += failEach({ on: 'write', kind: 'short' }, (disk, n) => {
        disk.failAt(n + 1, { on: 'write', kind: 'ENOSPC' })
        disk.failAt(1, { on: 'truncate', kind: 'EIO' })
        attempt(disk, n, 6)
      })
      expect(faults).toBeGreaterThan(0)
    },
  )

  test(
    'while zeros are written ahead leaves segments that end where they should',
    { timeout: 300_000 },
    () => {
      for (const kind of kinds) {
        faults += failEach({ on: 'write', kind: 'short' }, (disk, n) => {
          disk.failAt(n + 1, { on: 'write', kind })
          // Records still find room where there are zeros already, more zeros do not.
          disk.failAt(n + 3, { on: 'write', kind })
          attempt(disk, n, 2, 1)
        })
      }
      expect(faults).toBeGreaterThan(0)
    },
  )
})
