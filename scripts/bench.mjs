// npm run bench [name …]: every bench/*.bench.mjs whose name contains one of the given names, one after the other.
// Each runs in its own process, on the built package, so that no bench warms up or slows down another.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, runInForeground, say } from './lib/run.mjs'
import { setUpServers } from './lib/servers.mjs'
import { setUp } from './lib/set-up.mjs'

const names = process.argv.slice(2)
const all = readdirSync(join(root, 'bench')).filter((file) => file.endsWith('.bench.mjs'))
const chosen = all
  .filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
  .toSorted()

if (chosen.length === 0) {
  say(`No bench matches ${names.join(' ')}. There are: ${all.toSorted().join(', ') || 'none'}`)
  process.exit(1)
}

setUp()
await setUpServers()
for (const file of chosen) {
  console.log(`\n# ${file}`)
  const exitCode = await runInForeground(process.execPath, ['--expose-gc', join(root, 'bench', file)])
  if (exitCode !== 0) {
    say(`${file} ended with exit code ${exitCode}`)
    process.exitCode = exitCode
    break
  }
}
