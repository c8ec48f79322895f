// A million different topics, each used once: what stays behind?
import { assertBalanced, createBroker } from '../../../src/index.ts'
import { heapBytes } from './heap.ts'

const [, , count, ...patterns] = process.argv
const broker = createBroker()
let handled = 0
for (const pattern of patterns) broker.subscribe(pattern, () => void handled++)
const publishAll = (name: string): void => {
  for (let n = 0; n < Number(count); n++) void broker.publish(`${name}.${n}.x`, n)
}

publishAll('warm')
const before = await heapBytes()
publishAll('real')
const growthBytes = (await heapBytes()) - before
assertBalanced(broker.ledger())
console.log(JSON.stringify({ growthBytes, handled, unrouted: broker.ledger().unrouted }))
