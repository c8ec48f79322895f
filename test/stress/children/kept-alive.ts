// Payloads that everybody has read or that nobody may read any more: how many stay in memory?
import { createBroker, type Subscription } from '../../../src/index.ts'
import { heapBytes } from './heap.ts'

const count = Number(process.argv[2])
const broker = createBroker()
const ways: readonly Subscription[] = [
  broker.subscribe('t'),
  broker.subscribe('t', { overflow: 'drop-oldest', capacity: 16 }),
  broker.subscribe('t', { capacity: 4 }),
  broker.subscribe('t', { group: 'g' }),
]
broker.subscribe('t', () => undefined, { delivery: 'queued' })
const references: WeakRef<object>[] = []

function publish(): void {
  const payload = { n: references.length }
  references.push(new WeakRef(payload))
  void broker.publish('t', payload)
}

for (let n = 0; n < count; n++) publish()
for (const reader of ways) while (reader.poll() !== undefined);
const closed = broker.subscribe('t')
publish()
closed.close()
for (const reader of ways) while (reader.poll() !== undefined);
await heapBytes() // collects what is unreachable
console.log(
  JSON.stringify({ alive: references.filter((reference) => reference.deref() !== undefined).length }),
)
