import { posix } from 'node:path'
import type { SourceFile } from './source-tree.ts'

/** The parts of package.json that the tidy test reads. */
export interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

/** Names files longer than `limit` lines: they hold two ideas. */
export function longFiles(files: readonly SourceFile[], limit: number): readonly string[] {
  return files
    .map((file) => ({ path: file.path, lines: file.text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > limit)
    .map(({ path, lines }) => `${path} has ${lines} lines, more than ${limit}`)
}

/** Compares the exports map with the index.ts files, both ways, and holds each entry to its one right form. */
export function exportViolations(manifest: Manifest, sourcePaths: readonly string[]): readonly string[] {
  const doors = sourcePaths.filter((path) => /^src\/(?:[^/]+\/)?index\.ts$/.test(path))
  const expected = new Map(doors.map((path) => [posix.dirname(path).replace(/^src/, '.'), exportEntry(path)]))
  const entries = Object.entries(manifest.exports).filter(([key]) => key !== './package.json')
  const missing = [...expected.keys()].filter((key) => manifest.exports[key] === undefined)
  return [
    ...missing.map((key) => `exports lacks "${key}", which has an index.ts`),
    ...entries.flatMap(([key, entry]) => {
      const wanted = expected.get(key)
      if (wanted === undefined) return [`exports has "${key}", which has no index.ts`]
      return JSON.stringify(entry) === wanted ? [] : [`exports["${key}"] must be ${wanted}`]
    }),
  ]
}

function exportEntry(indexPath: string): string {
  const built = indexPath.replace(/^src/, './dist').replace(/\.ts$/, '')
  return JSON.stringify({
    '@spillway/source': `./${indexPath}`,
    types: `${built}.d.ts`,
    default: `${built}.js`,
  })
}

/** Names peer dependencies that npm would install for everybody. */
export function requiredPeers(manifest: Manifest): readonly string[] {
  const names = Object.keys(manifest.peerDependencies ?? {})
  return names.filter((name) => manifest.peerDependenciesMeta?.[name]?.optional !== true)
}

/** Names index.ts files that re-export everything: what is public is decided name by name. */
export function starExports(files: readonly SourceFile[]): readonly string[] {
  return files.filter((file) => /^export\s+(?:type\s+)?\*/m.test(file.text)).map((file) => file.path)
}

const errorClass = /^export class (\w+) extends \w+ \{(.*?)^\}/gms
const nameField = /\breadonly name(?:: string)? = '([^']*)'/
const codeField = /\breadonly code(?:: string)? = '([^']*)'/

/** Holds every error class to: named as its class, a code of its own, documented with class and code. */
export function errorViolations(errors: SourceFile, documentation: string): readonly string[] {
  const seen = new Set<string>()
  const classes = [...errors.text.matchAll(errorClass)]
  if (classes.length === 0) return [`${errors.path} has no error class`]
  return classes.flatMap(([, className = '', body = '']) => {
    const name = nameField.exec(body)?.[1]
    const code = codeField.exec(body)?.[1] ?? ''
    const found: string[] = []
    if (name !== className) found.push(`${className} is named ${name}`)
    if (!/^SPW_[A-Z_]+$/.test(code)) found.push(`${className} has the code "${code}", which is not SPW_…`)
    if (seen.has(code)) found.push(`${className} has the code ${code}, which another class has`)
    if (!hasWord(documentation, code)) found.push(`${code} is not documented`)
    if (!hasWord(documentation, className)) found.push(`${className} is not documented`)
    seen.add(code)
    return found
  })
}

function hasWord(text: string, word: string): boolean {
  return new RegExp(`\\b${word}\\b`).test(text)
}

// The brackets keep this line from finding itself.
const promise = /\b(?:TO[D]O|FIX[M]E|XX[X])\b/

/** Names lines that promise work instead of doing it. */
export function promisedWork(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) =>
    file.text
      .split('\n')
      .map((line, index) => ({ line, place: `${file.path}:${index + 1}` }))
      .filter(({ line }) => promise.test(line))
      .map(({ place }) => place),
  )
}

/** Names files that are not kebab-case. Further dots are fine: `ring-buffer.test.ts`. */
export function misnamedFiles(paths: readonly string[]): readonly string[] {
  const code = paths.filter((path) => !path.endsWith('.md'))
  return code.filter((path) => !/^[a-z0-9]+(?:[-.][a-z0-9]+)*$/.test(posix.basename(path)))
}
