// npm run soak: everything random over and over with fresh seeds, until SPILLWAY_SOAK minutes (default 10) have passed;
// a round that has begun is finished. What the variables below are set to when they are set already, stays.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, say } from './lib/run.mjs'
import { freshSeed } from './lib/seed.mjs'
import { setUp } from './lib/set-up.mjs'
import { runVitest } from './lib/vitest.mjs'

const minutes = Number(process.env.SPILLWAY_SOAK ?? 10)
if (!(minutes > 0)) throw new RangeError(`SPILLWAY_SOAK must be a number of minutes above 0, not ${minutes}`)
const defaults = {
  /** Properties and models run so many times as often as in npm test: each round has another seed anyway. */
  SPILLWAY_RUNS: '1',
  /** Checks after crashes, per script: npm test has 18 000. */
  SPILLWAY_CRASH_STATES: '40000',
  SPILLWAY_KILL_ROUNDS: '100',
  SPILLWAY_POWER_CUTS: '15',
}
const settings = Object.fromEntries(
  Object.entries(defaults).map(([name, value]) => [name, process.env[name] ?? value]),
)
const described = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
const began = Date.now()
const end = began + minutes * 60_000

setUp()
const files = randomTests()
let [rounds, states] = [0, 0]
do {
  const seed = freshSeed()
  const repeat = [`SPILLWAY_SEED=${seed}`, ...described].join(' ')
  rounds += 1
  console.log(`\nround ${rounds}: ${repeat}`)
  const args = ['--testTimeout=600000', ...files]
  const { crashStates, exitCode } = await runVitest(args, { ...settings, SPILLWAY_SEED: seed })
  states += crashStates
  console.log(`${states.toLocaleString('en')} distinct states after crashes so far`)
  if (exitCode !== 0) {
    say(`Round ${rounds} failed. Repeat it with: ${repeat} npm test`)
    process.exit(exitCode)
  }
} while (Date.now() < end)
const took = ((Date.now() - began) / 60_000).toFixed(1)
const seen = `${states.toLocaleString('en')} distinct states after crashes`
console.log(`\nsoak: ${rounds} rounds in ${took} minutes without a failure, ${seen}`)

/** The tests that draw from a seed; those of the command line are slow and draw little. */
function randomTests() {
  return readdirSync(join(root, 'test'), { recursive: true })
    .map((name) => `test/${name.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.test.ts') && !path.startsWith('test/cli/'))
    .filter((path) => /support\/seed\.ts|crash\/explore\.ts/.test(readFileSync(join(root, path), 'utf8')))
    .toSorted()
}
