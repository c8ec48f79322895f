import { describe, expect, it } from 'vitest'
import { importCycles, importsOf, layerViolations } from './support/imports.ts'
import { brokenLinks, snippetsOf } from './support/markdown.ts'
import { lawViolations } from './support/spec-laws.ts'
import {
  errorViolations,
  exportViolations,
  longFiles,
  misnamedFiles,
  promisedWork,
  requiredPeers,
  starExports,
} from './support/tidy.ts'

// A check that finds nothing may be blind. Each one is shown a planted violation, and the clean case beside it.

const file = (path: string, ...lines: readonly string[]) => ({ path, text: `${lines.join('\n')}\n` })

describe('imports', () => {
  it('finds every form of import and nothing in comments or strings', () => {
    const text = [
      "import './a.ts'",
      "import b from 'b'",
      "import type { C } from './c.ts'",
      'import {',
      '  d,',
      '  type D,',
      "} from './d.ts'",
      "export { e } from './e.ts'",
      "const f = await import('./f.ts')",
      " * import { g } from './g.ts'",
      "export const h = ['from', './h.ts']",
    ].join('\n')

    expect(importsOf(text)).toEqual([
      { specifier: './a.ts', isType: false },
      { specifier: 'b', isType: false },
      { specifier: './c.ts', isType: true },
      { specifier: './d.ts', isType: false },
      { specifier: './e.ts', isType: false },
      { specifier: './f.ts', isType: false },
    ])
  })

  it.each([
    ['src/core/a.ts', "import { b } from '../predict/b.ts'"],
    ['src/core/a.ts', "import type { B } from '../predict/b.ts'"],
    ['src/core/a.ts', "import { b } from '../index.ts'"],
    ['src/core/a.ts', "import { readFile } from 'node:fs'"],
    ['src/core/a.ts', "import type { Readable } from 'node:stream'"],
    ['src/core/a.ts', "import { z } from 'zod'"],
    ['src/index.ts', "export { main } from './cli/main.ts'"],
    ['src/nats/a.ts', "import { connect } from 'some-client'"],
    ['src/nats/a.ts', "import { b } from '../kafka/b.ts'"],
    ['src/attic/a.ts', ''],
  ])('refuses %s with %s', (path, line) => {
    expect(layerViolations([file(path, line)])).toHaveLength(1)
  })

  it.each([
    ['src/core/a.ts', "import { b } from './b.ts'"],
    ['src/predict/a.ts', "import { b } from '../core/b.ts'"],
    ['src/index.ts', "export { b } from './core/b.ts'"],
    ['src/nats/a.ts', "import type { Connection } from 'some-client'"],
    ['src/cli/a.ts', "import { Command } from 'commander'"],
    ['src/cli/a.ts', "import { createBroker } from '../index.ts'"],
  ])('allows %s with %s', (path, line) => {
    expect(layerViolations([file(path, line)])).toEqual([])
  })

  it('finds a cycle over three files and accepts a diamond', () => {
    const a = file('src/core/a.ts', "import './b.ts'", "import './c.ts'")
    const b = file('src/core/b.ts', "import './d.ts'")
    const c = file('src/core/c.ts', "import './d.ts'")
    const d = file('src/core/d.ts', "import { a } from './a.ts'")
    const typesOnly = file('src/core/d.ts', "import type { A } from './a.ts'")

    expect(importCycles([a, b, c, d])).toContain(
      'src/core/a.ts → src/core/b.ts → src/core/d.ts → src/core/a.ts',
    )
    expect(importCycles([a, b, c, typesOnly])).toEqual([])
  })
})

describe('source', () => {
  it('finds a file that is one line too long', () => {
    const lines = Array.from({ length: 5 }, () => '//')

    expect(longFiles([file('src/a.ts', ...lines)], 4)).toEqual(['src/a.ts has 5 lines, more than 4'])
    expect(longFiles([file('src/a.ts', ...lines)], 5)).toEqual([])
  })

  it('finds a star export', () => {
    const found = starExports([
      file('src/index.ts', "export * from './core/a.ts'"),
      file('src/log/index.ts', "export type * from '../core/a.ts'"),
      file('src/predict/index.ts', "export { a } from './a.ts'"),
    ])

    expect(found).toEqual(['src/index.ts', 'src/log/index.ts'])
  })

  it('finds every fault of an error class', () => {
    const errorClass = (className: string, name: string, code: string) => [
      `export class ${className} extends SpillwayError {`,
      `  override readonly name = '${name}'`,
      `  override readonly code = '${code}'`,
      '}',
    ]
    const errors = file(
      'src/core/errors.ts',
      ...errorClass('GoodError', 'GoodError', 'SPW_GOOD'),
      ...errorClass('MisnamedError', 'GoodError', 'SPW_MISNAMED'),
      ...errorClass('TwinError', 'TwinError', 'SPW_GOOD'),
      ...errorClass('OddError', 'OddError', 'ODD'),
      ...errorClass('SecretError', 'SecretError', 'SPW_SECRET'),
    )
    const documentation =
      'GoodError SPW_GOOD MisnamedError SPW_MISNAMED TwinError OddError ODD SPW_SECRET_OTHER'

    expect(errorViolations(errors, documentation)).toEqual([
      'MisnamedError is named GoodError',
      'TwinError has the code SPW_GOOD, which another class has',
      'OddError has the code "ODD", which is not SPW_…',
      'SPW_SECRET is not documented',
      'SecretError is not documented',
    ])
    expect(errorViolations(file('src/core/errors.ts', ''), '')).toHaveLength(1)
  })
})

describe('package.json', () => {
  const entry = {
    '@spillway/source': './src/log/index.ts',
    types: './dist/log/index.d.ts',
    default: './dist/log/index.js',
  }

  it('finds a missing, a stale and a malformed export', () => {
    const paths = ['src/index.ts', 'src/log/index.ts', 'src/core/topic.ts']
    const reordered = { default: entry.default, types: entry.types }

    expect(exportViolations({ exports: { './log': entry, './wal': entry } }, paths)).toEqual([
      'exports lacks ".", which has an index.ts',
      'exports has "./wal", which has no index.ts',
    ])
    expect(exportViolations({ exports: { './log': reordered } }, ['src/log/index.ts'])).toHaveLength(1)
    expect(exportViolations({ exports: { './log': entry } }, ['src/log/index.ts'])).toEqual([])
  })

  it('finds a peer dependency that is not optional', () => {
    const peerDependencies = { good: '1', forgotten: '1' }
    const peerDependenciesMeta = { good: { optional: true } }

    expect(requiredPeers({ exports: {}, peerDependencies, peerDependenciesMeta })).toEqual(['forgotten'])
  })
})

describe('project', () => {
  it('finds names that are not kebab-case', () => {
    const good = ['src/ring-buffer.ts', 'test/ring-buffer.test.ts', 'docs/0001-why.md', '.ci/run']
    const bad = ['src/ringBuffer.ts', 'src/Ring.ts', 'src/ring_buffer.ts']

    expect(misnamedFiles([...good, ...bad])).toEqual(bad)
  })

  it('finds promised work', () => {
    const promise = ['TO', 'DO'].join('')

    expect(promisedWork([file('src/a.ts', '// fine', `// ${promise}: later`)])).toEqual(['src/a.ts:2'])
  })

  it('finds links to missing files and missing headings', () => {
    const documents: Record<string, string> = {
      'README.md':
        '[a](docs/a.md) [b](docs/b.md) [c](docs/a.md#the-one-thing) [d](docs/a.md#other) [e](#here) [f](https://x.y)',
      'docs/a.md': '# The `one` thing\n\n[up](../README.md)\n\n```md\n[not a link](nowhere.md)\n```\n',
    }
    const files = Object.entries(documents).map(([path, text]) => ({ path, text }))

    expect(brokenLinks(files, (path) => documents[path])).toEqual([
      'README.md: docs/b.md',
      'README.md: docs/a.md#other',
      'README.md: #here',
    ])
  })

  it('finds laws without a test, with a missing test, and with the same number', () => {
    const spec = [
      '## Laws',
      '**B1** Copies arrive — `test/a.test.ts` "arrives", "keeps the publisher\'s order".',
      '**B2** Nothing names a test.',
      '**B3** A title that is wrong, over',
      'two lines — `test/a.test.ts` "arrives twice"',
      '- **B3** The number is taken — `test/missing.test.ts` "arrives"',
    ].join('\n')
    const tests = "it('arrives')\nit(\"keeps the publisher's order\")"

    expect(lawViolations(spec, (path) => (path === 'test/a.test.ts' ? tests : undefined))).toEqual([
      'B2 names no test',
      'B3: test/a.test.ts has no test "arrives twice"',
      'B3: there is no test/missing.test.ts',
      'B3 is there twice',
    ])
    expect(lawViolations('# Nothing', () => undefined)).toEqual(['there is no law in it'])
  })

  it('reads code blocks with the output promised for them', () => {
    const text = [
      'Text',
      '```ts run',
      'console.log(1)',
      '```',
      '```text output',
      '1',
      '```',
      '```sh',
      'ls',
      '```',
      '```js',
      '2',
      '```',
    ].join('\n')

    expect(snippetsOf(text)).toEqual([
      { words: ['ts', 'run'], code: 'console.log(1)\n', line: 2, output: '1\n' },
      { words: ['js'], code: '2\n', line: 11 },
    ])
  })
})
