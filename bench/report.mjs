// Runs the benchmarks and writes what they measured into README.md, each into a part of its own behind the marker.
//
//     node bench/report.mjs              all of them
//     node bench/report.mjs fanout …     only these; the others keep what was measured earlier

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { machineSpeed } from './lib/machine.mjs'
import { figure } from './lib/table.mjs'

/** These print an answer of their own. */
const ownAnswers = ['types.bench.mjs', 'kafka.bench.mjs']

const directory = fileURLToPath(new URL('.', import.meta.url))
const readme = join(directory, 'README.md')
const results = fileURLToPath(new URL('../.tmp/bench', import.meta.url))
const start = '<!-- results -->'
const end = '<!-- /results -->'

const chosen = process.argv.slice(2)
// How long the compiler takes is another kind of question: that one prints its own answer.
const names = readdirSync(directory)
  .filter((file) => file.endsWith('.bench.mjs') && !ownAnswers.includes(file))
  .map((file) => file.replace('.bench.mjs', ''))
  .toSorted()

mkdirSync(results, { recursive: true })
for (const name of names) {
  if (chosen.length > 0 && !chosen.some((part) => name.includes(part))) continue
  const json = join(results, `${name}.json`)
  rmSync(json, { force: true })
  try {
    execFileSync(process.execPath, [join(directory, `${name}.bench.mjs`), '--json', json], {
      stdio: 'inherit',
    })
  } catch {
    console.error(`${name} failed; its earlier results stay`)
    continue
  }
  await write(name, JSON.parse(readFileSync(json, 'utf8')))
}

/** Puts the results of one benchmark in place of its earlier ones. */
async function write(name, suite) {
  const text = readFileSync(readme, 'utf8')
  const [before, after] = [text.slice(0, text.indexOf(start) + start.length), text.slice(text.indexOf(end))]
  const old = text.slice(before.length, text.length - after.length).split(/^(?=### )/m)
  const parts = new Map(old.slice(1).map((part) => [/^### (.*)$/m.exec(part)[1], part.trim()]))
  parts.set(name, [`### ${name}`, await heading(), goals(suite), figures(suite)].join('\n\n').trim())
  const sorted = names.filter((each) => parts.has(each)).map((each) => parts.get(each))
  writeFileSync(readme, `${before}\n\n${sorted.join('\n\n')}\n\n${after}`)
}

async function heading() {
  const { awaitNs, objectNs } = await machineSpeed()
  const date = new Date().toISOString().slice(0, 10)
  return (
    `Measured ${date} on Node ${process.versions.node} with ${availableParallelism()} shared cores. ` +
    `When this was written, awaiting a resolved promise took ${figure(awaitNs)} ns there ` +
    `and making an object that lives for a while ${figure(objectNs)} ns.`
  )
}

function goals({ cases }) {
  const rows = cases.flatMap(({ label, goals: met }) =>
    met.map(
      (goal) =>
        `| ${label} | ${goal.text} | ${figure(goal.measured)} ${goal.unit} | ${goal.met ? '✔' : '✘'} |`,
    ),
  )
  if (rows.length === 0) return 'No goals.'
  return ['| Benchmark | Goal | Measured | Met |', '| --- | --- | ---: | :---: |', ...rows].join('\n')
}

function figures({ cases, title }) {
  return [`**${title}**`, '', ...cases.flatMap(caseTable)].join('\n')
}

function caseTable({ label, unit, note, rows }) {
  const more = Object.keys(rows[0].columns ?? {})
  const lines = rows.map(({ name, median, min, max, columns }) => {
    const range = min === max ? '' : `${figure(min)} – ${figure(max)}`
    return rowOf([name, figure(median), range, ...more.map((column) => columns[column])])
  })
  const remark = note === undefined ? [] : ['', note]
  const rule = ['---', '---:', '---:', ...more.map(() => '---:')]
  return [rowOf([label, unit, 'min – max', ...more]), rowOf(rule), ...lines, ...remark, '']
}

function rowOf(cells) {
  return `| ${cells.join(' | ')} |`
}
