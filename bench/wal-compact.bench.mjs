// Compaction by key: sealed segments are read, and written again with the newest message of each key. Beside it a bare
// copy of the same files, and LevelDB, which compacts what was put under the same keys.
//
//     node bench/wal-compact.bench.mjs

import {
  closeSync,
  cpSync,
  fdatasyncSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { openDurableBroker } from 'spillway/wal'
import { newDirectory } from './lib/logs/directory.mjs'
import { loadPeer } from './lib/logs/peers.mjs'
import { sizeName, valuesOf } from './lib/logs/records.mjs'
import { inRounds } from './lib/logs/rounds.mjs'
import { level } from './lib/logs/level.mjs'
import { realStores } from './lib/logs/stores.mjs'
import { suite } from './lib/suite.mjs'
import { figure } from './lib/table.mjs'
import { median } from './lib/measure.mjs'

const logBytes = 32_000_000
const segmentBytes = 4 * 1024 * 1024
const topic = 'users.changed'
const compaction = { topics: ['users.>'] }
const copy = 'floor: copy the files'
const copyBytes = 1024 * 1024

const shapes = [
  [100, 2],
  [1024, 2],
  [1024, 10],
]

const cases = shapes.map(([size, perKey]) => ({
  label: `compact: ${logBytes / 1e6} MB of ${sizeName(size)}, ${perKey} messages per key`,
  unit: 'ms',
  collect: () => compactRows(size, perKey),
}))

await suite({ name: 'wal-compact', title: 'ms, removing what newer messages of the same key replace', cases })

async function compactRows(size, perKey) {
  const count = Math.floor(logBytes / size)
  const keys = Array.from({ length: Math.floor(count / perKey) }, (_, i) => `user-${i}`)
  const contestants = [await ours(size, count, keys), copier()]
  contestants[1].from = contestants[0].from
  if (realStores.includes(level)) contestants.push(await levels(size, count, keys))
  for (const { run } of contestants) await run()
  const results = await inRounds(contestants, ({ run }) => run())
  return contestants.map(({ from, name }, at) => {
    const samples = results[at].map(({ ms }) => ms)
    const megabytes = bytesIn(from) / 1e6
    const columns = {
      'MB/s': figure((megabytes * 1000) / median(samples)),
      'MB before': figure(megabytes),
      'MB after': figure(results[at][0].bytes / 1e6),
    }
    return { name, samples, columns }
  })

  function copier() {
    const run = () => inCopy(undefined, (directory) => copyFiles(contestants[0].from, directory))
    return { name: copy, run }
  }
}

/** Every run compacts a copy of its own; making and opening it takes no part. */
async function inCopy(from, compact) {
  const directory = newDirectory('compact')
  if (from !== undefined) cpSync(from, directory, { recursive: true })
  const ms = await compact(directory)
  const bytes = bytesIn(directory)
  rmSync(directory, { recursive: true })
  return { ms, bytes }
}

async function ours(size, count, keys) {
  const values = valuesOf(size)
  const from = newDirectory('compact-log')
  const broker = await openDurableBroker(from, { segmentBytes, sync: 'os' })
  for (let i = 0; i < count;) {
    const publishing = []
    for (const end = Math.min(count, i + 1000); i < end; i++)
      publishing.push(broker.publish(topic, values[i & 255], { key: keys[i % keys.length] }))
    await Promise.all(publishing)
  }
  await broker.close()
  const run = () =>
    inCopy(from, async (directory) => {
      const options = { segmentBytes, compaction, compactOnSeal: false }
      const copied = await openDurableBroker(directory, options)
      const before = performance.now()
      const { compaction: removed } = await copied.compact()
      const ms = performance.now() - before
      if (removed < (count - keys.length) * 0.7) throw new Error(`only ${removed} of ${count} were removed`)
      await copied.close()
      return ms
    })
  return { name: 'spillway', from, run }
}

async function levels(size, count, keys) {
  const { ClassicLevel } = loadPeer('classic-level')
  const values = valuesOf(size)
  const from = newDirectory('compact-level')
  const options = { keyEncoding: 'utf8', valueEncoding: 'buffer', compression: false }
  const db = new ClassicLevel(from, options)
  for (let i = 0; i < count;) {
    const batch = []
    for (const end = Math.min(count, i + 1000); i < end; i++)
      batch.push({ type: 'put', key: keys[i % keys.length], value: values[i & 255] })
    await db.batch(batch)
  }
  await db.close()
  const run = () =>
    inCopy(from, async (directory) => {
      const copied = new ClassicLevel(directory, options)
      await copied.open()
      const before = performance.now()
      await copied.compactRange('user-', 'user-~')
      const ms = performance.now() - before
      await copied.close()
      return ms
    })
  return { name: level.name, from, run }
}

function copyFiles(from, to) {
  const buffer = Buffer.allocUnsafe(copyBytes)
  const before = performance.now()
  for (const name of readdirSync(from).filter((each) => each.endsWith('.seg'))) {
    const [source, target] = [openSync(join(from, name), 'r'), openSync(join(to, name), 'w')]
    for (let at = 0; ;) {
      const read = readSync(source, buffer, 0, copyBytes, at)
      if (read === 0) break
      writeSync(target, buffer, 0, read, at)
      at += read
    }
    fdatasyncSync(target)
    closeSync(source)
    closeSync(target)
  }
  return performance.now() - before
}

function bytesIn(directory) {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
}
