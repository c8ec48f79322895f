// npm start [-- arguments]: set-up, then the command line of Spillway as if `node dist/cli/main.js` had been called.
//
// The program runs in this very process. A child would need its streams, signals and exit code passed to and fro;
// like this they are simply its own.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './lib/run.mjs'
import { setUp } from './lib/set-up.mjs'

setUp()
const main = join(root, 'dist', 'cli', 'main.js')
process.argv[1] = main
await import(pathToFileURL(main).href)
