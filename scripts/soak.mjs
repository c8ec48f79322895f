// npm run soak: property and model tests over and over with fresh seeds, until SPILLWAY_SOAK minutes (default 10) have
// passed. Each round runs every property SPILLWAY_RUNS (default 10) times as often as `npm test` does.
import { say } from './lib/run.mjs'
import { freshSeed } from './lib/seed.mjs'
import { setUp } from './lib/set-up.mjs'
import { runVitest } from './lib/vitest.mjs'

const minutes = Number(process.env.SPILLWAY_SOAK ?? 10)
if (!(minutes > 0)) throw new RangeError(`SPILLWAY_SOAK must be a number of minutes above 0, not ${minutes}`)
const runs = process.env.SPILLWAY_RUNS ?? '10'
const end = Date.now() + minutes * 60_000

setUp()
let rounds = 0
do {
  const seed = freshSeed()
  rounds += 1
  console.log(`\nround ${rounds}: SPILLWAY_SEED=${seed} SPILLWAY_RUNS=${runs}`)
  const { exitCode } = await runVitest(['test/property', 'test/model'], {
    SPILLWAY_SEED: seed,
    SPILLWAY_RUNS: runs,
  })
  if (exitCode !== 0) {
    say(`Round ${rounds} failed. Repeat it with: SPILLWAY_SEED=${seed} SPILLWAY_RUNS=${runs} npm test`)
    process.exit(exitCode)
  }
} while (Date.now() < end)
console.log(`\nsoak: ${rounds} rounds without a failure`)
