import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mustRun } from './support/command.ts'
import { readSource, root } from './support/source-tree.ts'

// The package as its users get it: packed, installed into an empty folder, used by name.

const manifest: {
  version: string
  exports: Record<string, unknown>
  devDependencies: Record<string, string>
  peerDependencies: Record<string, string>
} = JSON.parse(readSource('package.json').text)
const doors = Object.keys(manifest.exports)
  .filter((key) => key !== './package.json')
  .map((key) => key.replace('.', 'spillway'))

/** The doors for which users install a client. */
const doorsWithClient = ['spillway/nats']
const clients = Object.keys(manifest.peerDependencies)
  .filter((name) => manifest.devDependencies[name] !== undefined)
  .map((name) => `${name}@${manifest.devDependencies[name]}`)

let folder = ''
let tarball = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-package-'))
  await mustRun('node', ['scripts/build.mjs', '--if-stale'], root)
  // Without scripts: packing would build again, under the feet of other tests.
  const packed = await mustRun(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', folder],
    root,
  )
  tarball = join(folder, JSON.parse(packed)[0].filename)
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'consumer', private: true, type: 'module' }),
  )
  await install(tarball)
}, 121_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

function install(...packages: readonly string[]): Promise<string> {
  return mustRun('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], folder)
}

describe('package without clients', () => {
  it.each(doors.filter((door) => !doorsWithClient.includes(door)))('is imported as %s', async (door) => {
    await mustRun('node', ['--input-type=module', '--eval', `await import('${door}')`], folder)
  })

  it.each(doorsWithClient)('says which package is missing when it is imported as %s', async (door) => {
    const importing = mustRun('node', ['--input-type=module', '--eval', `await import('${door}')`], folder)
    await expect(importing).rejects.toThrow(/Cannot find package '@nats-io/)
  })
})

describe('package', () => {
  beforeAll(() => install(...clients), 121_000)

  it.each(doors)('is imported as %s', async (door) => {
    await mustRun('node', ['--input-type=module', '--eval', `await import('${door}')`], folder)
  })

  it.each(doors)('is required as %s', async (door) => {
    await mustRun('node', ['--input-type=commonjs', '--eval', `require('${door}')`], folder)
  })

  it('has no way around its doors', async () => {
    const inner = "await import('spillway/core/errors')"
    await expect(mustRun('node', ['--input-type=module', '--eval', inner], folder)).rejects.toThrow(
      'ERR_PACKAGE_PATH_NOT_EXPORTED',
    )
  })

  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('type-checks with module %s and resolution %s', async (module, moduleResolution) => {
    const imports = doors.map((door, index) => `import * as door${index} from '${door}'\nvoid door${index}\n`)
    await writeFile(join(folder, 'consumer.ts'), imports.join(''))
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          ...{ module, moduleResolution, target: 'es2023', lib: ['es2023', 'esnext.disposable', 'dom'] },
          ...{ types: [], strict: true, skipLibCheck: false, noEmit: true },
        },
        files: ['consumer.ts'],
      }),
    )
    await mustRun('node', [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], folder)
  })

  it('runs as a command', async () => {
    const version = await mustRun('npx', ['--no-install', 'spillway', '--version'], folder)
    expect(version.trim()).toBe(manifest.version)
  })

  it('is at most 1.5 MB packed', async () => {
    expect((await stat(tarball)).size).toBeLessThanOrEqual(1_500_000)
  })

  it('has a main door of at most 21.5 KB, minified and compressed, that needs no other package', async () => {
    const main = join(folder, 'node_modules/spillway/dist/index.js')
    const bundle = await build({
      ...{ entryPoints: [main], bundle: true, minify: true, write: false, format: 'esm' },
      platform: 'neutral', // no node: modules and no packages: either would fail the build
    })
    expect(gzipSync(bundle.outputFiles[0]?.contents ?? '').length).toBeLessThanOrEqual(21_500)
  })

  it('carries its licence and its sources, and none of its tests', async () => {
    const installed = join(folder, 'node_modules/spillway')
    expect(await readFile(join(installed, 'LICENSE'), 'utf8')).toContain('Apache License')
    expect((await stat(join(installed, 'src/index.ts'))).isFile()).toBe(true)
    await expect(stat(join(installed, 'test'))).rejects.toThrow('ENOENT')
  })
})
