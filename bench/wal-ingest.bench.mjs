// Loading in bulk: messages are handed over as fast as the store takes them, without waiting for each; the clock
// stops when all of them are on the disk.
//
//     node bench/wal-ingest.bench.mjs

import { fasterThan, goalsAmong, rateOf, shareOf } from './lib/logs/goals.mjs'
import { rateColumns } from './lib/logs/rates.mjs'
import { sizeName, sizes } from './lib/logs/records.mjs'
import { inRounds, openAll } from './lib/logs/rounds.mjs'
import { rawDisk, rawDiskAppend, realStores } from './lib/logs/stores.mjs'
import { suite } from './lib/suite.mjs'

const roundBytes = 32_000_000
const contestants = [realStores[0], rawDiskAppend, rawDisk, ...realStores.slice(1)]
const floor = rawDiskAppend.name
const goals = {
  100: [
    rateOf(9_000_000, 'spillway', 'records'),
    shareOf(0.87, 'spillway', floor),
    fasterThan(3.5, 'spillway', 'lmdb'),
  ],
  1024: [shareOf(0.92, 'spillway', floor)],
  16_384: [shareOf(0.92, 'spillway', floor)],
}

const cases = sizes.map((size) => ({
  label: `ingest: ${sizeName(size)}`,
  unit: 'ns per record',
  collect: () => ingestRows(size),
  goals: goalsAmong(contestants, goals[size]),
}))

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
