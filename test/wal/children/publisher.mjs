// Publishes from many places at once and writes a line for every acknowledgement, until it is killed.
import { writeSync } from 'node:fs'
import { openDurableBroker } from '../../../dist/wal/index.js'

const [directory, publishers, sync] = process.argv.slice(2)
const broker = await openDurableBroker(directory, { sync, segmentBytes: 100_000 })
tell(`open ${broker.recovery.recordsFound}\n`)

async function publish(topic) {
  const next = broker.topics().find((one) => one.topic === topic)?.next ?? 0
  for (let n = next; ; n++) {
    const { offset, seq } = await broker.publish(topic, { n, pad: 'x'.repeat(n % 300) })
    if (offset !== n) throw new Error(`offset ${offset} for ${n}`)
    tell(`ack ${topic} ${offset} ${seq}\n`)
  }
}

await Promise.all(Array.from({ length: Number(publishers) }, (_, index) => publish(`topic.${index}`)))

/** A line, although whoever reads it may be slow. */
function tell(line) {
  for (;;) {
    try {
      writeSync(1, line)
      return
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}
