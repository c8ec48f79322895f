// A subscriber of each kind that never reads, beside a publisher that never rests, for so many seconds.
import { setImmediate } from 'node:timers/promises'
import { assertBalanced, createBroker } from '../../../src/index.ts'
import { heapBytes } from './heap.ts'

const seconds = Number(process.argv[2])
const broker = createBroker()
const never = [
  broker.subscribe('t'),
  broker.subscribe('t', { overflow: 'drop-oldest' }),
  broker.subscribe('t', { overflow: 'drop-newest', capacity: 4 }),
  broker.subscribe('t', { overflow: 'latest', key: ({ payload }) => (payload as { n: number }).n % 100 }),
  broker.subscribe('*', { group: 'g', overflow: 'drop-oldest' }),
  broker.subscribe('t', { capacityBytes: 10_000, sizeOf: () => 100 }),
  broker.subscribe('t', () => new Promise(() => undefined)),
]
let handled = 0
broker.subscribe('t', () => void handled++)
let read = 0
const reader = broker.subscribe('>')
const loop = (async () => {
  for await (const batch of reader.batches()) read += batch.length
})()

let n = 0
async function publishFor(ms: number): Promise<void> {
  const end = performance.now() + ms
  while (performance.now() < end) {
    for (let burst = 0; burst < 500; burst++) void broker.publish('t', { n: n++, text: `payload ${n}` })
    await setImmediate()
  }
}

await publishFor(500)
const before = await heapBytes()
await publishFor(seconds * 1000)
const growthBytes = (await heapBytes()) - before
assertBalanced(broker.ledger())
const losses = never.map((each) => each.ledger().routed - each.ledger().pending)
await broker.close()
await loop
assertBalanced(broker.ledger())
console.log(JSON.stringify({ published: n, handled, read, growthBytes, losses }))
