// The stores of bench/peers. They are native and heavy, so they are no dependencies of the project: the first
// benchmark that wants them installs them. What cannot be installed or built here is left out and named.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const directory = fileURLToPath(new URL('../../peers/', import.meta.url))
const require = createRequire(join(directory, 'package.json'))

/** The module, or undefined when it does not work on this machine. */
export function loadPeer(name) {
  try {
    const module = require(name)
    if (name === 'better-sqlite3') new module(':memory:').close() // loads its binary only now
    return module
  } catch {
    return undefined
  }
}

/** Installs what is missing. Call it before any case runs: cases are child processes and share the folder. */
export function installPeers() {
  if (!existsSync(join(directory, 'node_modules', '.package-lock.json'))) {
    console.error('Installing the stores to compare with (bench/peers) …')
    // lmdb and classic-level carry their binaries, so nothing but better-sqlite3 needs its install script.
    if (!npm('ci', '--ignore-scripts')) console.error('npm ci failed: some or all peers are missing')
  }
  if (
    existsSync(join(directory, 'node_modules', 'better-sqlite3')) &&
    loadPeer('better-sqlite3') === undefined
  ) {
    console.error('Building better-sqlite3 from its source, about a minute …')
    if (!npm('rebuild', 'better-sqlite3')) console.error('It does not build: left out')
  }
}

function npm(...args) {
  const options = [...args, '--no-audit', '--no-fund', '--loglevel=error']
  const onWindows = process.platform === 'win32' // where npm is a .cmd file, which only a shell can start
  const run = { cwd: directory, stdio: ['ignore', 2, 2], shell: onWindows, env: withHeaders() }
  return spawnSync('npm', options, run).status === 0
}

/** The headers of this Node are often beside it, so that node-gyp need not download them. */
function withHeaders() {
  const prefix = dirname(dirname(process.execPath))
  const found = existsSync(join(prefix, 'include', 'node', 'node.h'))
  return found ? { ...process.env, npm_config_nodedir: prefix } : process.env
}
