import { appendFileSync } from 'node:fs'
import { random as seeded, seed } from '../support/seed.ts'
import type { CrashOptions } from './crash-states.ts'
import { describeOp } from './op.ts'
import { SimDisk } from './sim-disk.ts'
import type { Fault } from './faults.ts'

/** Something that must survive crashes. `Note` is what it says about itself on the way: tried, acknowledged, shown. */
export interface Scenario<Note> {
  /** The disk it begins with. @defaultValue an empty one */
  readonly disk?: () => SimDisk
  /**
   * Works on the disk. A note counts for every crash after it, so promise before nothing and acknowledge at once. What
   * was run before gives with each note the length that the disk's log had then.
   */
  run(disk: SimDisk, note: (note: Note, at?: number) => void): void
  /**
   * Opens the disk that a crash left and throws when a promise in `notes` is broken. What it does to the disk may be
   * cut short by the next crash; what it notes (records shown to a reader) binds that next check.
   */
  check(disk: SimDisk, notes: readonly Note[], note: (note: Note) => void): void
}

export interface ExploreOptions {
  /** How many checks at most, over all crash points. @defaultValue 5000 */
  readonly states?: number
  /** How many crashes in a row at most. @defaultValue 2 */
  readonly crashes?: number
  /** Further crashes tried after each state; ten times as many after a kill -9. @defaultValue 1 */
  readonly again?: number
  readonly kernel?: CrashOptions['kernel']
  readonly garbage?: boolean
  /** @defaultValue the seed of the test file */
  readonly seed?: number
  /** Prints one line with the counts. @defaultValue undefined: says nothing */
  readonly title?: string
}

/** What was explored. */
export interface Explored {
  /** Places between operations where the first crash struck. */
  readonly points: number
  /** Calls of `check`. */
  readonly checks: number
  /** Different pairs of a disk and its notes among them. */
  readonly distinct: number
  /** Different disks among them. */
  readonly disks: number
  /** Checks after a second or later crash. */
  readonly repeated: number
  readonly milliseconds: number
}

/** A promise was broken. The message tells the operations, what was lost, and the seed; `cause` is what `check` threw. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

interface Stamped<Note> {
  readonly at: number
  readonly note: Note
}

/** Runs the scenario once, then crashes it everywhere. Throws a `Violation` for the first broken promise. */
export function explore<Note>(scenario: Scenario<Note>, options: ExploreOptions = {}): Explored {
  const began = performance.now()
  const explorer = new Explorer(scenario, options)
  const explored = { ...explorer.explore(), milliseconds: performance.now() - began }
  const countFile = process.env['SPILLWAY_CRASH_COUNTS']
  if (countFile !== undefined) appendFileSync(countFile, `${explored.distinct}\n`) // the scripts add them up
  if (options.title !== undefined) {
    const { distinct, disks, points, repeated, milliseconds } = explored
    const pace = Math.round((explored.checks / milliseconds) * 1000)
    console.log(
      `${options.title}: ${distinct} distinct states, ${disks} distinct disks, ${points} crash points, ` +
        `${repeated} after a further crash, ${pace} states/s`,
    )
  }
  return explored
}

class Explorer<Note> {
  readonly #scenario: Scenario<Note>
  readonly #options: ExploreOptions
  readonly #random: () => number
  readonly #pairs = new Set<string>()
  readonly #disks = new Set<number>()
  #checks = 0
  #repeated = 0

  constructor(scenario: Scenario<Note>, options: ExploreOptions) {
    this.#scenario = scenario
    this.#options = options
    this.#random = seeded(options.seed ?? seed)
  }

  explore(): Omit<Explored, 'milliseconds'> {
    const disk = this.#scenario.disk?.() ?? new SimDisk()
    const notes: Stamped<Note>[] = []
    this.#scenario.run(disk, (note, at = disk.log.length) => notes.push({ at, note }))
    const { states = 5000, crashes = 2 } = this.#options
    const points = disk.log.length + 1
    for (let at = 0; at < points && this.#checks < states; at++) {
      // What earlier points did not use up goes to the later ones.
      const end = this.#checks + Math.max(1, Math.floor((states - this.#checks) / (points - at)))
      const told = notes.filter((stamped) => stamped.at <= at).map(({ note }) => note)
      this.#crashAt(disk, at, told, end, crashes)
    }
    const [checks, repeated] = [this.#checks, this.#repeated]
    return { points, checks, distinct: this.#pairs.size, disks: this.#disks.size, repeated }
  }

  /** Every kind of crash at one point, until the number of checks reaches `end`. */
  #crashAt(disk: SimDisk, at: number, notes: Note[], end: number, crashes: number): void {
    const { again = 1 } = this.#options
    const tell = (how: string) => [...storyOf(disk, at), how]
    this.#visit(disk.kill(at), notes, crashes, again * 10, () => tell('kill -9'))
    for (const state of disk.crashStates(at, this.#crashOptions(Math.max(0, end - this.#checks)))) {
      if (this.#checks >= end) return
      const pair = `${state.hash} ${notes.length}`
      this.#disks.add(state.hash)
      if (this.#pairs.has(pair)) continue
      this.#pairs.add(pair)
      const story = () => tell(`power failure: ${state.describe()}`)
      this.#visit(state.disk, notes, crashes, again, story)
    }
  }

  /** One check, and crashes during what it did. */
  #visit(disk: SimDisk, notes: Note[], crashes: number, again: number, tell: () => string[]): void {
    const later: Stamped<Note>[] = []
    this.#checks++
    try {
      this.#scenario.check(disk, notes, (note) => later.push({ at: disk.log.length, note }))
    } catch (cause) {
      throw this.#violation(notes, tell(), cause)
    }
    if (crashes <= 1) return
    const tries = Math.floor(again) + (this.#random() < again % 1 ? 1 : 0)
    for (let count = 0; count < tries; count++) {
      // The end matters most: what recovery has shown must stay.
      const length = disk.log.length
      const at = this.#random() < 0.3 ? length : Math.floor(this.#random() * (length + 1))
      const told = [...notes, ...later.filter((stamped) => stamped.at <= at).map(({ note }) => note)]
      this.#crashOnce(disk, at, told, crashes - 1, tell)
    }
  }

  #crashOnce(disk: SimDisk, at: number, notes: Note[], crashes: number, before: () => string[]): void {
    this.#repeated++
    if (this.#random() < 0.1) {
      this.#visit(disk.kill(at), notes, crashes, 1, () => [...before(), ...storyOf(disk, at), 'kill -9'])
      return
    }
    const nth = this.#random() < 0.5 ? 0 : Math.floor(this.#random() * 12)
    // Half of them lose as much as there is to lose: the others only confirm what the first crash has shown.
    const kernel = nth === 0 ? 'reordering' : (this.#options.kernel ?? 'both')
    const options = { ...this.#crashOptions(nth === 0 ? 2 : nth), kernel, seen: new Set<number>() }
    const states = [...disk.crashStates(at, options)]
    const state = states.at(-1)
    if (state === undefined) return
    this.#disks.add(state.hash)
    this.#pairs.add(`${state.hash} ${notes.length}`)
    const tell = () => [...before(), ...storyOf(disk, at), `power failure: ${state.describe()}`]
    this.#visit(state.disk, notes, crashes, 1, tell)
  }

  #crashOptions(limit: number): CrashOptions {
    const { kernel = 'both', garbage = true } = this.#options
    return { kernel, garbage, limit, random: this.#random }
  }

  #violation(notes: readonly Note[], story: readonly string[], cause: unknown): Violation {
    const why = cause instanceof Error ? cause.message : String(cause)
    const promised = notes.map((note) => JSON.stringify(note)).join(' ')
    const text = [`after a crash: ${why}`, `SPILLWAY_SEED=${this.#options.seed ?? seed}`, ...story]
    return new Violation([...text, `notes: ${promised}`].join('\n'), { cause })
  }
}

function storyOf(disk: SimDisk, at: number): string[] {
  return disk.log.slice(0, at).map(describeOp)
}

/**
 * Tries the scenario with its first matching call going wrong, then with its second, until nothing goes wrong any more.
 * Returns how many calls have failed. Throws when there are more than `limit`.
 */
export function failEach(
  fault: Fault,
  attempt: (disk: SimDisk, n: number) => void,
  options: { readonly disk?: () => SimDisk; readonly limit?: number } = {},
): number {
  const { limit = 10_000 } = options
  for (let n = 1; n <= limit; n++) {
    const disk = options.disk?.() ?? new SimDisk()
    disk.failAt(n, fault)
    attempt(disk, n)
    if (disk.fired === 0) return n - 1
  }
  throw new Error(`still failing after ${limit} calls`)
}
