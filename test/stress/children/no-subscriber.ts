// How many bytes does a publish allocate that nobody hears? Counted over many calls, so that noise shows as a fraction.
import { createBroker } from '../../../src/index.ts'

const calls = Number(process.argv[2])
const broker = createBroker()
broker.subscribe('elsewhere')
broker.subscribe('orders.*.other')
const bound = broker.topic('orders.created')
const payload = { id: 1 }

function byTopic(): void {
  for (let call = 0; call < calls; call++) void broker.publish('orders.created', payload)
}
function alternating(): void {
  for (let call = 0; call < calls; call++)
    void broker.publish(call % 2 === 0 ? 'orders.created' : 'orders.paid', payload)
}
function byPublisher(): void {
  for (let call = 0; call < calls; call++) void bound.publish(payload)
}

function bytesPerCall(run: () => void): number {
  run() // the compiler's own allocations happen here
  run()
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  run()
  return (process.memoryUsage().heapUsed - before) / calls
}

const [topic, mixed, publisher] = [byTopic, alternating, byPublisher].map(bytesPerCall)
const { published, unrouted } = broker.ledger()
console.log(JSON.stringify({ topic, mixed, publisher, published, unrouted }))
