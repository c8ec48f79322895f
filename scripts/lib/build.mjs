import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root, say, step } from './run.mjs'

// Outside dist, because dist is published as it is.
const stampFile = join(root, 'node_modules', '.cache', 'spillway', 'built-from')

/** Builds, unless dist was built from exactly these sources. */
export function buildIfNeeded() {
  const stamped = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : ''
  if (existsSync(join(root, 'dist')) && stamped === hashOfSources()) return
  build()
}

/** Builds dist from nothing, so that no file of a deleted source survives. */
export function build() {
  say('Building …')
  const hash = hashOfSources() // before the build: an edit during the build makes it stale
  rmSync(stampFile, { force: true })
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  step(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'])
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, hash)
}

function hashOfSources() {
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((file) =>
    join(root, file),
  )
  const hash = createHash('sha256')
  for (const file of [...settings, ...sources])
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}
