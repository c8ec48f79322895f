import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What scripts/lib/servers.mjs has found or installed. What is missing was not wanted: the person has such a server. */
export interface Installed {
  readonly nats?: { readonly command: string; readonly version: string }
  readonly kafka?: {
    readonly version: string
    readonly java: string
    readonly libs: string
    /** A formatted log directory to start from. */
    readonly formatted: string
    /** An archive of loaded classes, which halves the time to start. */
    readonly archive: string
  }
  readonly engine: { readonly folder: string; readonly version: string }
}

const file = fileURLToPath(new URL('../../../node_modules/.cache/spillway/servers.json', import.meta.url))

/** The servers of this machine. */
export function installed(): Installed {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Installed
  } catch (cause) {
    throw new Error('The real servers are not set up. Run: node scripts/set-up.mjs --servers', { cause })
  }
}
