// Asks for offsets, the last ones and a date at once after segments were filled, while their ends are still being written by
// the commit thread; prints what went wrong, or what was read.
import { openDurableBroker } from '../../../dist/wal/index.js'

const [directory] = process.argv.slice(2)
const broker = await openDurableBroker(directory, { segmentBytes: 16_384, retention: { count: 1500 } })
const jobs = broker.topic('jobs')
const count = 3000
const readers = []
for (let n = 0; n < count; n++) {
  jobs.append({ n, pad: 'x'.repeat(40) })
  if (n % 500 !== 499) continue
  const flushed = broker.flush() // hands everything over now: segments are full, and no end of one is on the disk
  const { next } = broker.topics()[0]
  readers.push([next - 100, broker.subscribe('jobs', { from: next - 100 })])
  readers.push([next - 50, broker.subscribe('jobs', { from: -50 })])
  broker.subscribe('jobs', { from: new Date(0) }).close()
  await flushed
}
for (const [expected, reader] of readers.slice(-2)) {
  let offset = expected
  while (offset < count) {
    const { value } = await reader.next()
    if (value?.offset !== offset)
      throw new Error(`offset ${JSON.stringify(value?.offset)} is not the next one`)
    offset++
  }
}
await broker.close()
process.stdout.write('read to the end\n')
