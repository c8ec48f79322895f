import { heapBytes } from './heap.ts'
import { connectNats, createNatsBroker } from '../../../src/nats/index.ts'

// How much memory a subscriber that never reads costs while another one, beside it, handles everything.

const [, , servers = '', count = '0'] = process.argv
const total = Number(count)
const [here, there] = [await connectNats({ servers }), await connectNats({ servers })]
const receiver = createNatsBroker({ connection: here })
const publisher = createNatsBroker({ connection: there, maxUnreadBytes: 4 * 1024 * 1024 })
const newest = receiver.subscribe('t')
const oldest = receiver.subscribe('t', { overflow: 'drop-oldest' })
let [handled, largest] = [0, 0]
receiver.subscribe('t', () => void handled++)
await receiver.flush()

const body = 'x'.repeat(1000)
const before = await used()
for (let n = 0; n < total; n++) {
  await publisher.publish('t', body)
  if (n % 10_000 === 0) largest = Math.max(largest, await used())
}
await publisher.flush()
await receiver.flush() // what the server has sent before has arrived
const grownBytes = Math.max(largest, await used()) - before
const pending = [newest.pending, oldest.pending]
console.log(JSON.stringify({ grownBytes, handled, pending }))
await Promise.all([here.close(), there.close()])

/** What is alive, on the heap and beside it. */
async function used(): Promise<number> {
  const heap = await heapBytes()
  return heap + process.memoryUsage().arrayBuffers
}
