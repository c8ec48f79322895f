// Installs and builds what is missing or stale; with --servers also the real servers that tests talk to.
import { setUpServers } from './lib/servers.mjs'
import { setUp } from './lib/set-up.mjs'

setUp()
if (process.argv.includes('--servers')) await setUpServers()
