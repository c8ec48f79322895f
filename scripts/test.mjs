// npm test: set-up, then all tests, then one plain line that says how many passed and failed. Arguments go to vitest.
import { say } from './lib/run.mjs'
import { freshSeed } from './lib/seed.mjs'
import { describeServers, setUpServers } from './lib/servers.mjs'
import { setUp } from './lib/set-up.mjs'
import { runVitest } from './lib/vitest.mjs'

setUp()
console.log(describeServers(await setUpServers()))

const seed = process.env.SPILLWAY_SEED ?? freshSeed()
const { crashStates, exitCode, summary } = await runVitest(process.argv.slice(2), { SPILLWAY_SEED: seed })

if (summary === undefined) {
  say(`vitest ended with exit code ${exitCode} before it could report.`)
  process.exitCode = exitCode || 1
} else {
  report(summary)
}

function report({ passed, failed, skipped }) {
  const none = passed + failed === 0
  const silent = exitCode !== 0 && failed === 0 && !none
  if (none) say('No test ran: that is a failure.')
  if (silent) say(`vitest ended with exit code ${exitCode} although no test failed: counted as one failure.`)
  if (exitCode !== 0) say(`Repeat with SPILLWAY_SEED=${seed}`)
  if (crashStates > 0)
    console.log(`${crashStates.toLocaleString('en')} distinct states after crashes explored`)
  for (const name of skipped) console.log(`skipped: ${name}`)

  const counts = [`${passed} passed`, `${silent ? 1 : failed} failed`]
  if (skipped.length > 0) counts.push(`${skipped.length} skipped`)
  console.log(counts.join(', '))
  process.exitCode = exitCode || (none || failed > 0 ? 1 : 0)
}
