// npm run cards: runs the conformance kit on every broker, as it is built and on real servers, and writes the cards into
// docs/transports.md. The exit code is 1 when one has failed or has no server; the page then says so, too.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root, runInForeground } from './lib/run.mjs'
import { setUp } from './lib/set-up.mjs'

setUp()
// In a process of its own: where a server cannot be installed it ends, after it has said why. Its card then says so.
spawnSync(process.execPath, [join(root, 'scripts', 'set-up.mjs'), '--servers'], { stdio: ['ignore', 2, 2] })
const script = join(root, 'test', 'conformance', 'write-cards.ts')
process.exitCode = await runInForeground(process.execPath, ['--import', 'tsx', script])
