// Reading a whole log from its start: as messages by a subscription, and as views below the broker. 64 MB unless
// --full is given, then 1 GB. Files are in the memory of the system.
//
//     node bench/wal-replay.bench.mjs --full

import { goalsAmong, rateOf } from './lib/logs/goals.mjs'
import { logName, recordsOf } from './lib/logs/log-size.mjs'
import { rateColumns } from './lib/logs/rates.mjs'
import { sizeName, sizes } from './lib/logs/records.mjs'
import { inRounds, openAll } from './lib/logs/rounds.mjs'
import { spillwayViews } from './lib/logs/spillway-views.mjs'
import { rawDisk, realStores } from './lib/logs/stores.mjs'
import { suite } from './lib/suite.mjs'

const views = spillwayViews.name
const floor = { ...rawDisk, name: 'floor: read 1 MB at a time' }
const contestants = [realStores[0], spillwayViews, floor, ...realStores.slice(1)]
const goals = {
  100: [rateOf(18_000_000, views, 'records'), rateOf(6_000_000, 'spillway', 'records')],
}

const cases = sizes.map((size) => ({
  label: `replay: ${logName} of ${sizeName(size)}`,
  unit: 'ns per record',
  collect: () => replayRows(size),
  goals: goalsAmong(contestants, goals[size] ?? []),
}))

await suite({ name: 'wal-replay', title: 'ns per record, reading a log from its start', cases })

async function replayRows(size) {
  const opened = await openAll(contestants, size)
  const count = recordsOf(size)
  for (const { name, store } of opened) {
    await store.load(count)
    const { records, bytes } = await store.replay() // warm up, and a reader that loses records would be fast
    if (records !== count || bytes !== count * size) throw new Error(`${name} read ${records} of ${count}`)
  }
  const results = await inRounds(opened, async ({ store }) => {
    const before = performance.now()
    await store.replay()
    return ((performance.now() - before) * 1e6) / count
  })
  for (const { store } of opened) await store.close()
  return opened.map(({ name }, at) => ({
    name,
    samples: results[at],
    columns: rateColumns(results[at], size),
  }))
}
