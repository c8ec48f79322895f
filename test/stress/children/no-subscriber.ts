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

/** The fewest of several counts: the compiler allocates too, now and then, but never each time. */
function bytesPerCall(run: () => void): number {
  run()
  const counts: number[] = []
  for (let round = 0; round < 8; round++) {
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    run()
    counts.push((process.memoryUsage().heapUsed - before) / calls)
  }
  return Math.min(...counts)
}

const [topic, mixed, publisher] = [byTopic, alternating, byPublisher].map((run) => bytesPerCall(run))
const { published, unrouted } = broker.ledger()
console.log(JSON.stringify({ topic, mixed, publisher, published, unrouted }))
