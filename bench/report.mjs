// Runs the benchmarks and writes what they measured into README.md, between its markers.
//
//     node bench/report.mjs              all of them
//     node bench/report.mjs fanout …     only these; the others keep their earlier results

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
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
  const options = [join(directory, `${name}.bench.mjs`), '--json', fileOf(name)]
  try {
    execFileSync(process.execPath, options, { stdio: 'inherit' })
  } catch {
    console.error(`${name} failed; its earlier results stay`)
  }
}

const suites = names
  .filter((name) => existsSync(fileOf(name)))
  .map((name) => JSON.parse(readFileSync(fileOf(name), 'utf8')))
const { awaitNs, objectNs } = await machineSpeed()
const text = readFileSync(readme, 'utf8')
const [before, after] = [text.slice(0, text.indexOf(start) + start.length), text.slice(text.indexOf(end))]
writeFileSync(readme, `${before}\n\n${[heading(), goals(), figures()].join('\n\n')}\n\n${after}`)

function fileOf(name) {
  return join(results, `${name}.json`)
}

function heading() {
  const date = new Date().toISOString().slice(0, 10)
  return (
    `Measured ${date} on Node ${process.versions.node} with ${availableParallelism()} shared cores. ` +
    `When this was written, awaiting a resolved promise took ${figure(awaitNs)} ns there ` +
    `and making an object that lives for a while ${figure(objectNs)} ns.`
  )
}

function goals() {
  const rows = suites.flatMap(({ cases }) =>
    cases.flatMap(({ label, goals: met }) =>
      met.map(
        (goal) =>
          `| ${label} | ${goal.text} | ${figure(goal.measured)} ${goal.unit} | ${goal.met ? '✔' : '✘'} |`,
      ),
    ),
  )
  return [
    '### Goals',
    '',
    '| Benchmark | Goal | Measured | Met |',
    '| --- | --- | ---: | :---: |',
    ...rows,
  ].join('\n')
}

function figures() {
  const tables = suites.map(({ title, cases }) =>
    [`**${title}**`, '', ...cases.flatMap(caseTable)].join('\n'),
  )
  return ['### Figures', '', ...tables].join('\n')
}

function caseTable({ label, unit, note, rows }) {
  const more = Object.keys(rows[0].columns ?? {})
  const lines = rows.map(({ name, median, min, max, columns }) => {
    const range = min === max ? '' : `${figure(min)} – ${figure(max)}`
    return rowOf([name, figure(median), range, ...more.map((heading) => columns[heading])])
  })
  const remark = note === undefined ? [] : ['', note]
  const rule = ['---', '---:', '---:', ...more.map(() => '---:')]
  return [rowOf([label, unit, 'min – max', ...more]), rowOf(rule), ...lines, ...remark, '']
}

function rowOf(cells) {
  return `| ${cells.join(' | ')} |`
}
