import { spawnSync } from 'node:child_process'
import { say } from '../run.mjs'
import { findProgram, outputOf } from './find.mjs'

let updated = false

/** Installs Debian packages. When that cannot be done here it ends this process and says what to install. */
export function aptInstall(packages, what) {
  const missing = packages.filter((name) => !isInstalled(name))
  if (missing.length === 0) return
  if (findProgram('apt-get') === undefined || process.getuid?.() !== 0) giveUp(missing, what)
  say(`Installing ${missing.join(' ')} (${what}) …`)
  if (!apt(['install', '-y', '--no-install-recommends', ...missing])) process.exit(1)
}

/** Fetches one Debian package and unpacks it into a folder. Nothing is installed, and no service starts. */
export function aptUnpack(name, folder, what) {
  if (findProgram('apt-get') === undefined || findProgram('dpkg-deb') === undefined) giveUp([name], what)
  say(`Fetching ${name} (${what}) …`)
  if (!apt(['download', name], folder)) giveUp([name], what)
  const unpacked = spawnSync('sh', ['-c', 'dpkg-deb -x *.deb . && rm *.deb'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  })
  if (unpacked.status !== 0) process.exit(1)
}

function giveUp(packages, what) {
  say(`Missing: ${what}. This can install it only as root on Debian or Ubuntu. Please install it, there with`)
  say(`  sudo apt-get update && sudo apt-get install ${packages.join(' ')}`)
  process.exit(1)
}

function isInstalled(name) {
  const status = outputOf('dpkg-query', ['-W', '-f', '${db:Status-Status}', name])
  return status === 'installed'
}

/** Lists of packages may be missing or old: what fails is tried again after an update. */
function apt(args, cwd = '/') {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const run = (args, stdio) => spawnSync('apt-get', ['-q', ...args], { cwd, env, stdio }).status === 0
  const loud = ['ignore', 2, 2]
  if (updated || process.getuid?.() !== 0) return run(args, loud)
  if (run(args, 'ignore')) return true
  updated = true
  return run(['update'], loud) && run(args, loud)
}
