// Runs the cases of one benchmark file. Every case runs in a child process of its own, us, peers and floor
// together, so that what V8 learnt from one case does not decide the next. A case that misses a goal is run
// up to three times: neighbours on the machine make a fast thing look slow, never a slow thing fast.

import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { sink } from './handlers.mjs'
import { measure } from './measure.mjs'
import { printCase, summaryOf } from './table.mjs'

const attempts = 3

/**
 * A case is `{ label, unit, flags, contestants, collect, goals, note }`: either `contestants()`, which are
 * timed, or `collect()`, which returns rows `{ name, samples }` itself.
 */
export async function suite({ name, title, cases }) {
  const { values } = parseArgs({
    options: { json: { type: 'string' }, case: { type: 'string' }, only: { type: 'string' } },
    strict: false,
  })
  if (values.case !== undefined) return runCase(cases[Number(values.case)])
  console.log(`${title}  (Node ${process.versions.node})\n`)
  const results = []
  for (const [index, each] of cases.entries()) {
    if (values.only !== undefined && !each.label.includes(values.only)) continue
    const result = await bestOf(index, each)
    printCase(result)
    results.push(result)
  }
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ name, title, cases: results }, undefined, 2)}\n`)
  }
}

async function bestOf(index, { label, unit = 'ns', flags = [], note, goals = [] }) {
  let best
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const outcome = await inChild(index, flags)
    const result = { label, unit, note, attempts: attempt, ...outcome }
    if (best === undefined || missOf(result) < missOf(best))
      best = { ...result, goals: bestGoals(best, result) }
    else best = { ...best, attempts: attempt, goals: bestGoals(best, result) }
    if (goals.length === 0 || best.goals.every((goal) => goal.met)) break
  }
  return best
}

/** By how much a run misses its goals, all together. */
function missOf({ goals }) {
  return goals.reduce((miss, goal) => miss + Math.max(0, goal.missBy - 1), 0)
}

function bestGoals(before, now) {
  if (before === undefined) return now.goals
  return now.goals.map((goal, i) => (goal.missBy < before.goals[i].missBy ? goal : before.goals[i]))
}

function inChild(index, flags) {
  const execArgv = ['--expose-gc', ...flags]
  const child = fork(process.argv[1], ['--case', String(index)], { execArgv, serialization: 'advanced' })
  return new Promise((resolve, reject) => {
    let outcome
    child.on('message', (message) => {
      outcome = message
    })
    child.on('error', reject)
    child.on('exit', (exitCode) => {
      if (outcome === undefined) reject(new Error(`Case ${index} ended with exit code ${exitCode}`))
      else resolve(outcome)
    })
  })
}

async function runCase({ contestants, collect, goals = [] }) {
  const rows = collect === undefined ? await measure(await contestants(), sink) : await collect()
  const outcome = {
    rows: rows.map(summaryOf),
    goals: goals.map(({ text, evaluate }) => ({ text, ...evaluate(rows) })),
  }
  if (process.send === undefined) console.log(outcome)
  else await new Promise((resolve) => process.send(outcome, resolve))
  process.exit(0) // peers may keep the process alive
}
