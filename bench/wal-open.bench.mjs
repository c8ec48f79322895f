// How long a process takes to open a log it has closed, to open one it has not (SIGKILL), and to find one record.
// Every opening is done by a process of its own. 64 MB of 100 B unless --full is given, then 1 GB. Files are in
// the memory of the system.
//
//     node bench/wal-open.bench.mjs --full

import { fork } from 'node:child_process'
import { median } from './lib/measure.mjs'
import { newDirectory } from './lib/logs/directory.mjs'
import { logName, recordsOf } from './lib/logs/log-size.mjs'
import { inRounds, openAll } from './lib/logs/rounds.mjs'
import { realStores } from './lib/logs/stores.mjs'
import { suite } from './lib/suite.mjs'
import { atMost } from './lib/goal.mjs'
import { figure } from './lib/table.mjs'

const size = 100
const script = new URL('./lib/logs/open-once.mjs', import.meta.url)
const seekable = realStores.filter(({ name }) => !name.startsWith('JSON'))
const seeks = 200

const cases = [
  openingCase('close', 'closed before'),
  openingCase('crash', 'killed before'),
  {
    label: `seek: to a record of ${logName} of ${size} B`,
    unit: 'µs',
    collect: seekRows,
    goals: [atMost(60, 'spillway', 'µs')],
  },
]

await suite({ name: 'wal-open', title: 'opening a log, and finding a record in it', cases })

function openingCase(end, what) {
  return {
    label: `open: ${logName} of ${size} B, ${what}`,
    unit: 'ms',
    collect: () => openingRows(end),
    goals: [atMost(end === 'close' ? 20 : 100, 'spillway', 'ms')],
  }
}

async function openingRows(end) {
  const contestants = []
  for (const { name } of realStores) {
    const directory = newDirectory(name)
    await openOnce(name, directory, recordsOf(size), end)
    contestants.push({ name, directory })
  }
  // A thousand more each time, or there would be nothing to recover.
  const results = await inRounds(contestants, ({ name, directory }) => openOnce(name, directory, 1000, end))
  return contestants.map(({ name }, at) => {
    const megabytes = results[at].map((result) => result.megabytes)
    const samples = results[at].map((result) => result.ms)
    return { name, samples, megabytes, columns: { 'MB resident': figure(median(megabytes)) } }
  })
}

function openOnce(name, directory, count, end) {
  const child = fork(script, [name, directory, size, count, end], { execArgv: ['--expose-gc'] })
  return new Promise((resolve, reject) => {
    let outcome
    child.on('message', (message) => {
      outcome = message
    })
    child.on('error', reject)
    child.on('exit', () =>
      outcome === undefined ? reject(new Error(`${name} did not open`)) : resolve(outcome),
    )
  })
}

async function seekRows() {
  const opened = await openAll(seekable, size)
  const count = recordsOf(size)
  for (const { store } of opened) {
    await store.load(count)
    await seekSome(store, count, 0)
  }
  const results = await inRounds(opened, ({ store }, round) => seekSome(store, count, round))
  for (const { store } of opened) await store.close()
  return opened.map(({ name }, at) => ({ name, samples: results[at] }))
}

async function seekSome(store, count, round) {
  const before = performance.now()
  for (let i = 0; i < seeks; i++) {
    const number = (Math.imul(i + round * seeks + 1, 2_654_435_761) >>> 0) % count
    if ((await store.seek(number)) !== size) throw new Error('Found something else')
  }
  return ((performance.now() - before) * 1000) / seeks
}
