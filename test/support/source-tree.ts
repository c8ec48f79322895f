import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

/** The top folder of the checkout. */
export const root: string = join(import.meta.dirname, '..', '..')

/** A text file of the project. `path` is relative to the top folder, with `/` on every platform. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** Reads one file of the project. Throws if it is missing. */
export function readSource(path: string): SourceFile {
  return { path, text: readFileSync(join(root, path), 'utf8') }
}

/** Reads every file below a folder whose name ends with one of `extensions`; none if there is no such folder. */
export function readFolder(folder: string, extensions: readonly string[]): readonly SourceFile[] {
  return listFiles(folder)
    .filter((path) => extensions.some((extension) => path.endsWith(extension)))
    .map(readSource)
}

/** The paths of all files below a folder, sorted; packages that were installed there are none of ours. */
export function listFiles(folder: string): readonly string[] {
  try {
    return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .filter((path) => !path.includes('/node_modules/'))
      .toSorted()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
