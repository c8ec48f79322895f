import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

// Outside of the checkout: what takes minutes to build outlives `npm ci` and serves all checkouts of a person.
const cache =
  process.env.SPILLWAY_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'spillway')

const complete = '.complete'

/** Whether a folder of the cache is there. */
export function isCached(name) {
  return existsSync(join(cache, name, complete))
}

/**
 * A folder of the cache. When it is missing, `fill(folder)` makes it in a temporary place, so that a run that is cut
 * short leaves nothing half done.
 */
export function cached(name, fill) {
  const target = join(cache, name)
  if (isCached(name)) return target
  mkdirSync(join(target, '..'), { recursive: true })
  const folder = mkdtempSync(`${target}.new-`)
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  fill(folder)
  writeFileSync(join(folder, complete), '')
  try {
    renameSync(folder, target)
  } catch (error) {
    // Another run was faster. What lies there without the mark cannot come from here: say so.
    if (!isCached(name)) throw error
  }
  return target
}
