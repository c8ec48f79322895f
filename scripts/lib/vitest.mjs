import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, runInForeground } from './run.mjs'

/** Runs vitest once and resolves to its exit code and its summary, which is undefined if it did not get that far. */
export async function runVitest(args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-test-'))
  const summaryFile = join(folder, 'summary.json')
  const reporters = ['--reporter=default', '--reporter=./scripts/lib/summary-reporter.mjs']
  try {
    const exitCode = await runInForeground(
      process.execPath,
      [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...args],
      { ...env, SPILLWAY_TEST_SUMMARY: summaryFile },
    )
    return { exitCode, summary: readSummary(summaryFile) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readSummary(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
