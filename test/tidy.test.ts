import { describe, expect, it } from 'vitest'
import { importCycles, layerViolations } from './support/imports.ts'
import { brokenLinks } from './support/markdown.ts'
import { listFiles, readFolder, readSource } from './support/source-tree.ts'
import { lawViolations } from './support/spec-laws.ts'
import {
  errorViolations,
  exportViolations,
  longFiles,
  type Manifest,
  misnamedFiles,
  promisedWork,
  requiredPeers,
  starExports,
} from './support/tidy.ts'

// The rules of CONTRIBUTING.md that a machine can hold. Each check here has its twin in test/tidy-self.test.ts, which
// plants a violation and expects it to be found.

const sources = readFolder('src', ['.ts'])
const manifest: Manifest = JSON.parse(readSource('package.json').text)
const codeFolders = ['src', 'test', 'bench', 'scripts', 'examples']
const code = codeFolders.flatMap((folder) => readFolder(folder, ['.ts', '.mjs', '.js', '.cjs']))
const documents = () => [
  ...['README.md', 'SPEC.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'].map(readSource),
  ...readFolder('docs', ['.md']),
]

describe('source', () => {
  it('has files to check', () => {
    expect(sources.length).toBeGreaterThan(10)
  })

  it('imports only what the layer table allows', () => {
    expect(layerViolations(sources)).toEqual([])
  })

  it('has no import cycles', () => {
    expect(importCycles(sources)).toEqual([])
  })

  it('has no file longer than 320 lines', () => {
    expect(longFiles(sources, 320)).toEqual([])
  })

  it('re-exports by name, never everything', () => {
    expect(starExports(sources)).toEqual([])
  })

  it('gives every error class its own code and documents it in docs/errors.md', () => {
    const text = readFolder('src', ['errors.ts'])
      .map((file) => file.text)
      .join('\n')
    expect(errorViolations({ path: 'src', text }, readSource('docs/errors.md').text)).toEqual([])
  })
})

describe('package.json', () => {
  it('exports exactly the folders with an index.ts', () => {
    expect(exportViolations(manifest, listFiles('src'))).toEqual([])
  })

  it('marks every peer dependency as optional', () => {
    expect(requiredPeers(manifest)).toEqual([])
  })
})

describe('project', () => {
  it('names its files in kebab-case', () => {
    const paths = [...codeFolders, 'docs'].flatMap(listFiles)
    expect(misnamedFiles(paths)).toEqual([])
  })

  it('promises no work in comments or documents', () => {
    expect(promisedWork([...code, ...documents()])).toEqual([])
  })

  it('has no broken relative link in its documents', () => {
    expect(brokenLinks(documents(), readIfThere)).toEqual([])
  })

  it('names for every law of SPEC.md a test that exists', () => {
    expect(lawViolations(readSource('SPEC.md').text, readIfThere)).toEqual([])
  })
})

/** The text of a file, '' for a folder, undefined for what is not there. */
function readIfThere(path: string): string | undefined {
  try {
    return readSource(path).text
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR' ? '' : undefined
  }
}
