import { type Parameters, VerbosityLevel } from 'fast-check'

/**
 * The seed of everything random in this test file. `SPILLWAY_SEED` repeats an earlier run; `npm test` always sets it.
 */
export const seed: number = readSeed()

/** A deterministic generator of numbers in [0, 1): mulberry32, small and good enough to shuffle and choose. */
export function random(startSeed: number = seed): () => number {
  let state = startSeed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Parameters for `fc.assert`: our seed, `runs` × `SPILLWAY_RUNS` runs, and every failing value in the report. */
export function fcParameters(runs: number): Pick<Parameters, 'seed' | 'numRuns' | 'verbose'> {
  const multiplier = Number(process.env['SPILLWAY_RUNS'] ?? 1)
  if (!(multiplier > 0)) throw new RangeError('SPILLWAY_RUNS must be a number above 0')
  return { seed, numRuns: Math.ceil(runs * multiplier), verbose: VerbosityLevel.Verbose }
}

function readSeed(): number {
  const given = process.env['SPILLWAY_SEED']
  const value = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
  if (!Number.isSafeInteger(value)) throw new RangeError(`SPILLWAY_SEED must be an integer, not ${given}`)
  // A fresh seed is unknown to everybody else, so it is said here, once per test file.
  if (given === undefined) console.log(`SPILLWAY_SEED=${value}`)
  return value
}
