// npm run mutants: puts deliberate bugs into copies of src/wal, one at a time, and sees that the tests notice each.
// SPILLWAY_MUTANT=text tries only those whose name holds the text. SPILLWAY_SEED chooses other crashes.
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { groupMutants } from './lib/group-mutants.mjs'
import { mutants } from './lib/mutants.mjs'
import { root, say } from './lib/run.mjs'

const seed = process.env.SPILLWAY_SEED ?? '1'
const states = '1500'
const longestMs = 90_000
const text = process.env.SPILLWAY_MUTANT ?? ''
const wanted = [...mutants, ...groupMutants].filter(({ name }) => name.includes(text))
const folder = mkdtempSync(join(tmpdir(), 'spillway-mutants-'))
const began = performance.now()
// Before anything is run: whoever edits the sources meanwhile does not matter.
const copies = Array.from({ length: Math.min(4, availableParallelism()) }, (_, nth) =>
  makeCopy(`copy-${nth}`),
)

try {
  const problems = [...(await checkUnchanged()), ...(await tryAll())]
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(`\n${wanted.length} mutants, ${problems.length} problems, ${seconds} s, seed ${seed}`)
  for (const problem of problems) say(problem)
  process.exitCode = problems.length > 0 || wanted.length === 0 ? 1 : 0
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Without a bug the same tests must pass, or their failing would say nothing. */
async function checkUnchanged() {
  const files = [...new Set(wanted.map(({ by }) => by))]
  const { failed, passed } = await runTests(copies[0], files, '', files.length * longestMs)
  return failed === undefined && passed > 0 ? [] : [`The tests fail without a mutant: ${failed}`]
}

async function tryAll() {
  const left = [...wanted]
  const problems = []
  const workers = copies.map(async (copy) => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const problem = await tryOne(copy, mutant)
      if (problem !== undefined) problems.push(problem)
    }
  })
  await Promise.all(workers)
  return problems
}

/** Returns what is wrong, if anything. */
async function tryOne(copy, { by, file, from, name, only, to }) {
  const path = join(copy, 'src/wal', file)
  const source = readFileSync(path, 'utf8')
  const count = source.split(from).length - 1
  if (count !== 1)
    return `"${name}": its text is ${count} times in src/wal/${file}, not once. Mend the table.`
  const start = performance.now()
  writeFileSync(
    path,
    source.replace(from, () => to),
  )
  const { failed, passed } = await runTests(copy, [by], only)
  writeFileSync(path, source)
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${failed === undefined ? 'SURVIVED' : 'killed  '} ${seconds.padStart(5)} s  ${name}`)
  if (failed !== undefined) console.log(`                  by ${by}: ${failed}`)
  return failed === undefined ? `"${name}" survived ${passed} tests of test/wal/${by}.test.ts.` : undefined
}

function makeCopy(name) {
  const copy = join(folder, name)
  mkdirSync(copy)
  for (const part of ['src', 'test/wal', 'test/crash', 'test/support', 'package.json', 'tsconfig.json'])
    cpSync(join(root, part), join(copy, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
  const config = { cacheDir: './cache', test: { include: ['test/wal/*.test.ts'], testTimeout: longestMs } }
  writeFileSync(join(copy, 'vitest.config.mjs'), `export default ${JSON.stringify(config)}\n`)
  return copy
}

/** Resolves to the first test that failed, if one did, and how many passed. A copy that does not load throws. */
async function runTests(copy, names, only = '', limitMs = longestMs) {
  const output = join(copy, 'result.json')
  rmSync(output, { force: true })
  const files = names.map((name) => `test/wal/${name}.test.ts`)
  const chosen = only === '' ? [] : [`--testNamePattern=${only}`]
  const options = [...chosen, '--bail=1', '--reporter=json', `--outputFile=${output}`]
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', `--root=${copy}`, ...options, ...files]
  const env = { ...process.env, SPILLWAY_SEED: seed, SPILLWAY_CRASH_STATES: states }
  const { code, text } = await runToEnd(args, { cwd: copy, env, timeout: limitMs })
  if (code === 'late') return { failed: `did not end within ${limitMs / 1000} s`, passed: 0 }
  const result = readResult(output, text)
  const tests = result.testResults.flatMap((suite) => suite.assertionResults)
  const failed = tests.find(({ status }) => status === 'failed')
  const passed = tests.filter(({ status }) => status === 'passed').length
  if (failed === undefined && code !== 0)
    throw new Error(`vitest could not run ${files.join(', ')}:\n${text}`)
  if (failed === undefined) return { failed: undefined, passed }
  const [why = ''] = failed.failureMessages
  return {
    failed: `${failed.title.slice(0, 60)}: ${why.split('\n').slice(0, 2).join(' ').slice(0, 100)}`,
    passed,
  }
}

function readResult(output, text) {
  try {
    return JSON.parse(readFileSync(output, 'utf8'))
  } catch (cause) {
    throw new Error(`vitest left no result:\n${text}`, { cause })
  }
}

function runToEnd(args, options) {
  const limits = { killSignal: 'SIGKILL', maxBuffer: 1 << 26 }
  return new Promise((resolve) => {
    execFile(process.execPath, args, { ...options, ...limits }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.killed ? 'late' : (error.code ?? 1)
      resolve({ code, text: stdout.toString() + stderr.toString() })
    })
  })
}
