// Loading in bulk: messages are handed over as fast as the store takes them, without waiting for each; the clock
// stops when all of them are on the disk.
//
//     node bench/wal-ingest.bench.mjs

import { fork } from 'node:child_process'
import { atMost } from './lib/goal.mjs'
import { newDirectory } from './lib/logs/directory.mjs'
import { goalsAmong, shareOf } from './lib/logs/goals.mjs'
import { rateColumns } from './lib/logs/rates.mjs'
import { sizeName, sizes } from './lib/logs/records.mjs'
import { inRounds, openAll } from './lib/logs/rounds.mjs'
import { rawDisk, rawDiskAppend, realStores } from './lib/logs/stores.mjs'
import { suite } from './lib/suite.mjs'

const script = new URL('./lib/logs/load-once.mjs', import.meta.url)
const roundBytes = 32_000_000
const contestants = [realStores[0], rawDiskAppend, rawDisk, ...realStores.slice(1)]
const floor = rawDiskAppend.name
const goals = {
  100: [shareOf(0.7, 'spillway', floor)],
  1024: [shareOf(0.85, 'spillway', floor)],
  16_384: [shareOf(0.85, 'spillway', floor)],
}

const cases = sizes.flatMap((size) => [
  {
    label: `ingest: ${sizeName(size)}`,
    unit: 'ns per record',
    collect: () => ingestRows(size),
    goals: goalsAmong(contestants, goals[size]),
  },
  {
    label: `ingest: memory of a process that loads 100 MB of ${sizeName(size)}`,
    unit: 'MB resident',
    note: 'Of which Node itself takes about 44, and the values that are stored 4 when they are of 16 KiB.',
    collect: () => memoryRows(size),
    goals: [atMost(80, 'spillway', 'MB')],
  },
])

await suite({ name: 'wal-ingest', title: 'ns per record, loading in bulk until all is on the disk', cases })

async function ingestRows(size) {
  const opened = await openAll(contestants, size)
  const full = Math.floor(roundBytes / size)
  // Slow stores get less to do: what they take for a record does not depend on it.
  for (const each of opened) each.count = Math.min(full, await affordable(each.store, full))
  const results = await inRounds(opened, async ({ store, count }) => {
    const before = performance.now()
    await store.load(count)
    return ((performance.now() - before) * 1e6) / count
  })
  for (const { store } of opened) await store.close()
  return opened.map(({ name }, at) => ({
    name,
    samples: results[at],
    columns: rateColumns(results[at], size),
  }))
}

/** How many records it stores in a second, after a warm-up. */
async function affordable(store, full) {
  const probe = Math.ceil(full / 20)
  await store.load(probe)
  const before = performance.now()
  await store.load(probe)
  return Math.ceil((probe * 1000) / (performance.now() - before))
}

/** Each store loads in a process of its own. */
async function memoryRows(size) {
  const rows = []
  for (const { name } of realStores)
    rows.push({ name, samples: [await loadOnce(name, newDirectory(name), size)] })
  return rows
}

function loadOnce(name, directory, size) {
  const child = fork(script, [name, directory, size], { execArgv: [] })
  return new Promise((resolve, reject) => {
    let megabytes
    child.on('message', (message) => {
      megabytes = message
    })
    child.on('error', reject)
    child.on('exit', () =>
      megabytes === undefined ? reject(new Error(`${name} did not load`)) : resolve(megabytes),
    )
  })
}
