import { describe, expect, it } from 'vitest'
import { range } from '../support/watch.ts'
import { explore, failEach, type Scenario, Violation } from './explore.ts'
import type { SimDisk } from './sim-disk.ts'
import { type Flaws, ToyLog } from './toy-log.ts'

type Note = { readonly tried: string } | { readonly kept: string }

// Records that the disk tears in different ways: within a sector, over its edge, over several.
const records = range(0, 20).map((n) =>
  String.fromCodePoint(97 + n).repeat([20, 100, 300, 700][n % 4] as number),
)

function toyScenario(flaws: Flaws = {}, prepare: (disk: SimDisk) => void = () => undefined): Scenario<Note> {
  return {
    run: (disk, note) => {
      const log = new ToyLog(disk, flaws)
      prepare(disk)
      for (const record of records) {
        note({ tried: record })
        try {
          log.append(record)
        } catch {
          return
        }
        note({ kept: record })
      }
    },
    check: (disk, notes, note) => {
      const found = new ToyLog(disk, flaws).records
      const kept = notes.flatMap((told) => ('kept' in told ? [told.kept] : []))
      const tried = notes.flatMap((told) => ('tried' in told ? [told.tried] : []))
      // A record shown once counts as kept: kept ones may repeat, tried ones are there first.
      const must = Math.max(0, ...kept.map((record) => tried.indexOf(record) + 1))
      if (found.length < must) throw new Error(`${found.length} records left of ${must}`)
      if (found.some((record, index) => record !== tried[index])) throw new Error('a record nobody wrote')
      for (const record of found) note({ kept: record })
    },
  }
}

/** The message of the violation that exploring finds. */
function violation(scenario: Scenario<Note>): string {
  try {
    explore(scenario, { states: 6000, seed: 1 })
  } catch (error) {
    if (error instanceof Violation) return error.message
    throw error
  }
  return 'none'
}

describe('exploring crashes', () => {
  it('finds nothing wrong with a log that syncs what it promises', () => {
    const found = explore(toyScenario(), { states: 20_000, title: 'toy log' })
    expect(found.distinct).toBeGreaterThan(2000)
    expect(found.repeated).toBeGreaterThan(1000)
  })

  it('finds nothing wrong with it on a disk whose sync fails, if it stops then', () => {
    const prepare = (disk: SimDisk) => disk.failAt(8, { on: 'sync', kind: 'EIO' })
    expect(violation(toyScenario({}, prepare))).toBe('none')
  })

  it('no single failing call makes it lose a record', () => {
    const failed = failEach({ kind: 'EIO' }, (disk) => {
      const scenario: Scenario<Note> = {
        ...toyScenario(),
        disk: () => disk,
        run: (given, note) => {
          try {
            toyScenario().run(given, note)
          } catch {
            // It could not open: nothing is promised.
          }
          given.heal()
        },
      }
      explore(scenario, { states: 200 })
    })
    expect(failed).toBe(9 + 2 * records.length)
  })

  const flaws: readonly (readonly [string, Flaws, string])[] = [
    ['no sync', { noSync: true }, 'records left of'],
    ['no sync of its directory', { noDirectorySync: true }, 'records left of'],
    ['no sync of the parent directory', { noParentSync: true }, 'records left of'],
    ['no checksum', { noChecksum: true }, 'a record nobody wrote'],
    ['no sync in recovery, so that what it has shown is lost', { noRecoverySync: true }, 'records left of'],
  ]
  it.each(flaws)('catches a log with %s', (_, flaw, message) => {
    expect(violation(toyScenario(flaw))).toContain(message)
  })

  it('catches a log that syncs again after a failed sync', () => {
    const prepare = (disk: SimDisk) => disk.failAt(8, { on: 'sync', kind: 'EIO' })
    const message = violation(toyScenario({ syncAgain: true }, prepare))
    expect(message).toContain('records left of')
    expect(message).toContain('after a failed sync')
  })

  it('a violation tells the story, the seed, and the notes, and repeats', () => {
    const message = violation(toyScenario({ noSync: true }))
    expect(message).toMatch(/^after a crash: \d+ records left of \d+\nSPILLWAY_SEED=1\nmkdir \/log\n/)
    expect(message).toContain('power failure: ')
    expect(message).toContain('notes: {"tried":')
    expect(violation(toyScenario({ noSync: true }))).toBe(message)
  })

  it('keeps to its budget and says what it did', () => {
    const found = explore(toyScenario(), { states: 300, crashes: 1 })
    expect(found).toMatchObject({ points: 47, repeated: 0 })
    expect(found.checks).toBeLessThanOrEqual(300 + found.points)
  })
})
