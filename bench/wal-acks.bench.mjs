// Messages that are on the disk when their publisher hears of them: 1, 10, 100 and 1000 publishers, each of which
// waits for one message before it publishes the next.
//
//     node bench/wal-acks.bench.mjs

import { ackRows } from './lib/logs/closed-loop.mjs'
import { fasterThan, goalsAmong, latencyOf, latencyWithin } from './lib/logs/goals.mjs'
import { sizeName, sizes } from './lib/logs/records.mjs'
import { stores } from './lib/logs/stores.mjs'
import { suite } from './lib/suite.mjs'

const floor = 'floor: overwrite + fdatasync'
const goals = {
  1: [latencyWithin(1.25, 'spillway', floor)],
  100: stores
    .filter(({ name }) => name !== 'spillway' && name !== floor)
    .map(({ name }) => fasterThan(1.3, 'spillway', name)),
  1000: [
    latencyOf(3, 'spillway', 'p99'),
    fasterThan(1.8, 'spillway', 'lmdb'),
    fasterThan(2, 'spillway', 'better-sqlite3'),
    fasterThan(9, 'spillway', 'classic-level'),
  ],
}

const cases = sizes.flatMap((size) =>
  [1, 10, 100, 1000].map((publishers) => ({
    label: `acks: ${publishers} publisher${publishers === 1 ? '' : 's'}, ${sizeName(size)}`,
    unit: 'ns per ack',
    collect: () => ackRows(stores, size, publishers),
    goals: size === 100 ? goalsAmong(stores, goals[publishers] ?? []) : [],
  })),
)

await suite({
  name: 'wal-acks',
  title: 'ns per message that is on the disk when its publish resolves',
  cases,
})
