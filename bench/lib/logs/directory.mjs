// Where the benchmarks write: a folder of their own in .tmp, which is on the disk that the checkout is on. The
// folder for temporary files may be memory, where syncing costs nothing.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../.tmp/', import.meta.url))
const made = []

process.on('exit', () => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true })
})

/** A new folder, which is removed when this process ends. */
export function newDirectory(name) {
  mkdirSync(root, { recursive: true })
  const directory = mkdtempSync(join(root, `bench-${name.replaceAll(/\W+/g, '-')}-`))
  made.push(directory)
  return directory
}
