import { compactedIn, type Manifest } from '../format/manifest.ts'
import type { FileSystem } from '../fs/file-system.ts'
import { writeManifest } from '../recovery/directory.ts'

/** MANIFEST of a log that is open. */
export class ManifestFile {
  readonly #fs: FileSystem
  readonly #dir: string
  #current: Manifest

  constructor(fs: FileSystem, dir: string, manifest: Manifest) {
    this.#fs = fs
    this.#dir = dir
    this.#current = manifest
  }

  get current(): Manifest {
    return this.#current
  }

  /** Records that rewriting has removed from segments that are there. */
  get compacted(): number {
    return compactedIn(this.#current)
  }

  /** Is on the disk when it returns. */
  change(changes: Partial<Manifest>): void {
    const { closed, rewritten, ...rest } = { ...this.#current, closed: undefined, ...changes }
    const left = rewritten?.filter(([base]) => base >= rest.startSeq)
    this.#current = { ...rest, rewritten: left, closed }
    writeManifest(this.#fs, this.#dir, this.#current)
  }

  /** A segment is about to be rewritten without some of its records. */
  noteRewritten(baseSeq: number, removed: number): void {
    const { rewritten = [] } = this.#current
    const before = rewritten.find(([base]) => base === baseSeq)?.[1] ?? 0
    const others = rewritten.filter(([base]) => base !== baseSeq)
    this.change({ rewritten: [...others, [baseSeq, before + removed]] })
  }
}
