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

/**
 * Which servers a test can start for itself. All, unless the person has set SPILLWAY_NATS_URL or
 * SPILLWAY_KAFKA_BROKERS and has no such server installed: then what has to stop a server is left out with
 * `describe.runIf(canStart().kafka)`, and `npm test` names it in the end.
 */
export function canStart(): { readonly nats: boolean; readonly kafka: boolean } {
  const { kafka, nats } = installed()
  return { nats: nats !== undefined, kafka: kafka !== undefined }
}
