import { posix } from 'node:path'
import { layers, type Layer } from './layers.ts'
import type { SourceFile } from './source-tree.ts'

/** One import or re-export. `isType` is true for `import type` and `export type`. */
export interface Import {
  readonly specifier: string
  readonly isType: boolean
}

// The formatter puts imports and re-exports at the start of a line, so words in comments and strings are not taken.
const staticImport = /^(?:import|export)\s+(type\s)?\s*(?:[\w*$\s{},]+?\sfrom\s+)?['"]([^'"]+)['"]/gm
const dynamicImport = /\bimport\(\s*['"]([^'"]+)['"]/g

/** Finds everything a file imports. */
export function importsOf(text: string): readonly Import[] {
  const found: Import[] = []
  for (const [, type, specifier = ''] of text.matchAll(staticImport)) {
    found.push({ specifier, isType: type !== undefined })
  }
  for (const [, specifier = ''] of text.matchAll(dynamicImport)) found.push({ specifier, isType: false })
  return found
}

/** Names every import that the layer table does not allow. */
export function layerViolations(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => {
    const folder = folderOf(file.path)
    const layer = layers[folder]
    if (layer === undefined) return [`${file.path}: src/${folder} has no row in the layer table`]
    return importsOf(file.text)
      .filter((entry) => !isAllowed(file.path, folder, layer, entry))
      .map(({ specifier }) => `${file.path} must not import ${specifier}`)
  })
}

function isAllowed(path: string, folder: string, layer: Layer, { specifier, isType }: Import): boolean {
  if (specifier.startsWith('.')) {
    const target = folderOf(resolveImport(path, specifier))
    return target === folder || layer.folders.includes(target)
  }
  if (specifier.startsWith('node:')) return layer.node === true
  return layer.packages?.includes(specifier) === true || (layer.clientTypes === true && isType)
}

/**
 * Names every ring of files that import each other when they run. Types may point both ways: a fan-out and the group
 * it feeds know each other's faces, but only one of them makes the other.
 */
export function importCycles(files: readonly SourceFile[]): readonly string[] {
  const graph = new Map(files.map((file) => [file.path, targetsOf(file)]))
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' → '))
    if (start >= 0 || done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return cycles
}

function targetsOf(file: SourceFile): readonly string[] {
  return importsOf(file.text)
    .filter(({ specifier, isType }) => specifier.startsWith('.') && !isType)
    .map(({ specifier }) => resolveImport(file.path, specifier))
}

function resolveImport(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier)
}

/** `src/core/topic.ts` → `core`, `src/index.ts` → ''. */
function folderOf(path: string): string {
  const [, folder, rest] = path.split('/')
  return rest === undefined ? '' : (folder ?? '')
}
