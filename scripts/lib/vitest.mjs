import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, runInForeground } from './run.mjs'

/**
 * Runs vitest once and resolves to its exit code, its summary, which is undefined if it did not get that far, and how
 * many distinct states after crashes it has explored.
 */
export async function runVitest(args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-test-'))
  const summaryFile = join(folder, 'summary.json')
  const countsFile = join(folder, 'crash-counts')
  const reporters = ['--reporter=default', '--reporter=./scripts/lib/summary-reporter.mjs']
  try {
    const exitCode = await runInForeground(
      process.execPath,
      [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...args],
      { ...env, SPILLWAY_TEST_SUMMARY: summaryFile, SPILLWAY_CRASH_COUNTS: countsFile },
    )
    return { exitCode, summary: readSummary(summaryFile), crashStates: addUp(countsFile) }
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

/** Each exploration has added a line with what it has seen. */
function addUp(file) {
  if (!existsSync(file)) return 0
  return readFileSync(file, 'utf8')
    .split('\n')
    .reduce((sum, line) => sum + Number(line), 0)
}
