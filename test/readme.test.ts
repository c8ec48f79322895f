import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mustRun, runCommand } from './support/command.ts'
import { type Snippet, snippetsOf } from './support/markdown.ts'
import { readFolder, readSource, root } from './support/source-tree.ts'

// Documentation that is wrong is worse than none: every TypeScript block of the README runs, and every block of docs
// marked `ts run`. A `text output` block behind it is what it prints. Blocks marked `ts check`, which need a server, compile.

interface Sample extends Snippet {
  readonly place: string
  readonly file: string
}

const readme = readSource('README.md')
const samples = [
  ...snippetsOf(readme.text).map((snippet) => toSample(readme.path, snippet)),
  ...readFolder('docs', ['.md']).flatMap(({ path, text }) =>
    snippetsOf(text)
      .filter((snippet) => snippet.words.includes('run') || snippet.words.includes('check'))
      .map((snippet) => toSample(path, snippet)),
  ),
]

// Inside the project, so that `spillway` means this package.
const folders = join(root, '.tmp')
let folder = ''

beforeAll(async () => {
  // As a user runs them: from what is built, which also has the commit thread as a file of its own.
  await mustRun('node', ['scripts/build.mjs', '--if-stale'], root)
  await mkdir(folders, { recursive: true })
  folder = await mkdtemp(join(folders, 'samples-'))
  const tsconfig = {
    extends: relative(folder, join(root, 'tsconfig.json')),
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false, isolatedDeclarations: false },
    include: ['*.ts'],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  for (const { file, code } of samples) await writeFile(join(folder, file), `${code}\nexport {}\n`)
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('documentation', () => {
  it('has samples', () => {
    expect(snippetsOf(readme.text)).not.toEqual([])
  })

  it('has samples that type-check', async () => {
    await mustRun('node', [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], folder)
  })

  it.each(samples.filter(({ words }) => !words.includes('check')))(
    'has a sample that runs at $place',
    async ({ file, output }) => {
      // Node 26 warns about the way in which tsx registers itself.
      const node = ['--disable-warning=DEP0205', '--import=tsx', file]
      const { exitCode, stdout, stderr } = await runCommand('node', node, folder)

      expect(stderr).toBe('')
      expect(exitCode).toBe(0)
      expect(stdout).toBe(output ?? stdout)
    },
  )
})

function toSample(path: string, snippet: Snippet): Sample {
  const name = path.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  const extension = snippet.words[0] === 'js' ? 'mjs' : 'ts'
  return {
    ...snippet,
    place: `${path}:${snippet.line}`,
    file: `${name}-${snippet.line}.${extension}`,
  }
}
