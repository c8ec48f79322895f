// 100 publishers that wait for the disk while the thread pool of the process is busy with something else: six
// pbkdf2 at any time. Whoever writes or syncs through that pool waits in its queue.
//
//     node bench/wal-starved.bench.mjs

import { pbkdf2 } from 'node:crypto'
import { ackRows } from './lib/logs/closed-loop.mjs'
import { fasterThan, goalsAmong, latencyOf } from './lib/logs/goals.mjs'
import { stores } from './lib/logs/stores.mjs'
import { suite } from './lib/suite.mjs'

const size = 100
const publishers = 100
const hogs = 6

const cases = [
  {
    label: `acks: ${publishers} publishers, thread pool idle`,
    unit: 'ns per ack',
    note: 'To compare the next one with.',
    collect: () => ackRows(stores, size, publishers),
  },
  {
    label: `acks: ${publishers} publishers, thread pool busy`,
    unit: 'ns per ack',
    collect: async () => {
      for (let i = 0; i < hogs; i++) hash()
      return await ackRows(stores, size, publishers)
    },
    goals: goalsAmong(stores, [
      latencyOf(0.5, 'spillway', 'p50'),
      fasterThan(1, 'spillway', 'lmdb'),
      fasterThan(1, 'spillway', 'classic-level'),
    ]),
  },
]

await suite({
  name: 'wal-starved',
  title: 'ns per message on the disk, with the thread pool idle and busy',
  cases,
})

/** About 10 ms of one thread, over and over; the process ends all the same. */
function hash() {
  pbkdf2('password', 'salt', 20_000, 64, 'sha256', hash)
}
