import { crc32 } from 'node:zlib'
import { formatMajor } from './layout.ts'

/**
 * What a log is, and where to begin when it was closed cleanly. One line of JSON and one with its checksum, so that a
 * person can read it; replaced as a whole.
 */
export interface Manifest {
  readonly format: number
  readonly logId: string
  /** The lowest sequence number that retention has left. Segments below it are being removed. */
  readonly startSeq: number
  /** Segments that were rewritten, each with how many records it lost by that. */
  readonly rewritten?: readonly (readonly [baseSeq: number, removed: number])[] | undefined
  /** Where the last snapshot of a clean close stands; undefined while the log is in use. */
  readonly closed?: { readonly segment: string; readonly at: number } | undefined
}

/** How many records rewriting has removed. */
export function compactedIn({ rewritten = [] }: Manifest): number {
  return rewritten.reduce((sum, [, removed]) => sum + removed, 0)
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  const text = JSON.stringify(manifest)
  return Buffer.from(`${text}\n${checksum(text)}\n`)
}

export type DecodedManifest =
  | { readonly manifest: Manifest }
  | { readonly damage: string }
  | { readonly newer: string }

export function decodeManifest(bytes: Uint8Array): DecodedManifest {
  const [text = '', sum = '', ...rest] = Buffer.from(bytes).toString('utf8').split('\n')
  if (sum !== checksum(text) || rest.join('') !== '')
    return { damage: 'the checksum of MANIFEST does not match' }
  const manifest = JSON.parse(text) as Manifest
  if (manifest.format !== formatMajor) return { newer: String(manifest.format) }
  return { manifest }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
