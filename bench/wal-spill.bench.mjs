// The policy spill: a burst goes into a mailbox that holds a few messages, the rest waits in files, and then
// everything is read. Beside it the same burst into a mailbox that holds all of it, what making messages bytes and back
// costs by itself, and the disk by itself.
//
//     node bench/wal-spill.bench.mjs

import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { createBroker } from 'spillway'
import { openSpillArea } from 'spillway/wal'
import { newDirectory } from './lib/logs/directory.mjs'
import { rateColumns } from './lib/logs/rates.mjs'
import { sizeName, sizes, valuesOf } from './lib/logs/records.mjs'
import { inRounds } from './lib/logs/rounds.mjs'
import { suite } from './lib/suite.mjs'

const capacity = 64
const counts = { 100: 40_000, 1024: 16_000, 16_384: 1000 }
const blockBytes = 64 * 1024
const topic = 'orders.created'

const cases = sizes.map((size) => ({
  label: `spill: a burst of ${counts[size].toLocaleString('en')} messages of ${sizeName(size)}`,
  unit: 'ns per message',
  collect: () => spillRows(size),
}))

await suite({
  name: 'wal-spill',
  title: 'ns per message, published into a mailbox that spills, and read',
  cases,
})

async function spillRows(size) {
  const values = valuesOf(size)
  const count = counts[size]
  const area = await openSpillArea(newDirectory('spill'), { maxBytes: Number.MAX_SAFE_INTEGER })
  const contestants = [
    { name: 'spillway, spill', run: () => burst({ overflow: 'spill', capacity }, area) },
    { name: 'spillway, all in memory', run: () => burst({ overflow: 'fail', capacity: count }) },
    { name: 'floor: v8.serialize, write, read, deserialize', run: () => throughFile(values, count, true) },
    { name: 'floor: write, read', run: () => throughFile(values, count, false) },
  ]
  const burst = (options, spill) => publishAndRead(options, spill, values, count)
  for (const { name, run } of contestants) {
    const bytes = await run() // warm up; and a mailbox that loses messages would be fast
    if (bytes !== count * size) throw new Error(`${name} read ${bytes} bytes of ${count * size}`)
  }
  const results = await inRounds(contestants, async ({ run }) => {
    const before = performance.now()
    await run()
    return ((performance.now() - before) * 1e6) / count
  })
  await area.close()
  return contestants.map(({ name }, at) => ({
    name,
    samples: results[at],
    columns: rateColumns(results[at], size),
  }))
}

async function publishAndRead(options, spill, values, count) {
  const broker = createBroker(spill === undefined ? {} : { spill })
  const subscription = broker.subscribe(topic, options)
  const publisher = broker.topic(topic)
  for (let i = 0; i < count; i++) void publisher.publish(values[i & 255])
  let bytes = 0
  for (let message = subscription.poll(); message !== undefined; message = subscription.poll())
    bytes += message.payload.length
  await broker.close()
  return bytes
}

/** What the area does at least: messages, or bare bytes, 64 KiB at a time into a file and out of it. */
function throughFile(values, count, asMessages) {
  const fd = openSync(join(newDirectory('spill-raw'), 'raw'), 'w+')
  const perBlock = Math.max(1, Math.floor(blockBytes / values[0].length))
  const lengths = []
  for (let i = 0; i < count;) {
    const parts = []
    for (const end = Math.min(count, i + perBlock); i < end; i++)
      parts.push(asMessages ? serialize(messageOf(values, i)) : values[i & 255])
    const block = Buffer.concat(parts)
    writeSync(fd, block)
    lengths.push(parts.map((part) => part.length))
  }
  let read = 0
  let at = 0
  for (const each of lengths) {
    const block = Buffer.allocUnsafe(each.reduce((sum, length) => sum + length, 0))
    at += readSync(fd, block, 0, block.length, at)
    let from = 0
    for (const length of each) {
      const bytes = block.subarray(from, (from += length))
      read += asMessages ? deserialize(bytes).payload.length : bytes.length
    }
  }
  closeSync(fd)
  return read
}

function messageOf(values, i) {
  return { topic, payload: values[i & 255], headers: {}, id: String(i), timestamp: 0, seq: i }
}
