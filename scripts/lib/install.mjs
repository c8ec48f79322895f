import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, say, step } from './run.mjs'

/** Installs the dependencies, unless what package-lock.json names is there already. */
export function installIfNeeded() {
  if (isInstalled()) return
  say('Installing dependencies (npm ci) …')
  // No package here needs an install script, so none gets to run one.
  step('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
}

/**
 * npm leaves a list of what it installed in node_modules. Comparing it with the lock file is exact, and also right
 * after a plain `npm install`. Optional packages may be missing: they are binaries for other platforms.
 */
function isInstalled() {
  const wanted = readPackages('package-lock.json')
  const found = readPackages('node_modules/.package-lock.json')
  if (wanted === undefined) throw new Error('package-lock.json is missing or damaged')
  if (found === undefined) return false
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true // this package itself
    return found[path] === undefined ? optional === true : found[path].version === version
  })
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages
  } catch {
    return undefined
  }
}
