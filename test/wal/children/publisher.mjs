// Publishes from many places at once and writes a line for every acknowledgement, until it is killed.
import { openDurableBroker } from '../../../dist/wal/index.js'
import { say } from './say.mjs'

const [directory, publishers, sync] = process.argv.slice(2)
const broker = await openDurableBroker(directory, { sync, segmentBytes: 100_000 })
say('open', broker.recovery.recordsFound)

async function publish(topic) {
  const next = broker.topics().find((one) => one.topic === topic)?.next ?? 0
  for (let n = next; ; n++) {
    const { offset, seq } = await broker.publish(topic, { n, pad: 'x'.repeat(n % 300) })
    if (offset !== n) throw new Error(`offset ${offset} for ${n}`)
    say('ack', topic, offset, seq)
  }
}

await Promise.all(Array.from({ length: Number(publishers) }, (_, index) => publish(`topic.${index}`)))
