// npm run build: src → dist. With --if-stale only when dist was not built from exactly these sources.
import { build, buildIfNeeded } from './lib/build.mjs'

if (process.argv.includes('--if-stale')) buildIfNeeded()
else build()
