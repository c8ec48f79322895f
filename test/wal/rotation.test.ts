import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { mustRun, runCommand } from '../support/command.ts'
import { root } from '../support/source-tree.ts'
import { directory } from '../support/undo.ts'

// Only the commit thread leaves time between the end of a segment being decided and being written, so this runs as built.

const child = fileURLToPath(new URL('children/rotation.mjs', import.meta.url))

beforeAll(() => mustRun('node', ['scripts/build.mjs', '--if-stale'], root), 120_000)

describe('a segment whose end is still being written', () => {
  it('is read like any other, and retention leaves it alone', async () => {
    const { exitCode, stderr, stdout } = await runCommand('node', [child, directory()], root)

    expect(stderr).toBe('')
    expect(stdout).toBe('read to the end\n')
    expect(exitCode).toBe(0)
  })
})
