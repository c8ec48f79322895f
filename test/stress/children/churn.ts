// Subscriptions of every kind come and go beside living ones: what stays behind?
import { assertBalanced, createBroker, type SubscribeOptions } from '../../../src/index.ts'
import { heapBytes } from './heap.ts'

const rounds = Number(process.argv[2])
const broker = createBroker({ observer: { warning: () => undefined } })
const { signal } = new AbortController()
broker.subscribe('t')
broker.subscribe('t', () => undefined)
const kinds: readonly SubscribeOptions[] = [
  { signal },
  { overflow: 'drop-oldest', signal },
  { overflow: 'block' },
  { group: 'g', signal },
  { capacity: 2 },
]

async function churn(): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const readers = kinds.map((options) => broker.subscribe(round % 2 === 0 ? 't' : `t.${round}`, options))
    const handlers = kinds.map((options) => broker.subscribe('t', () => Promise.resolve(), options))
    const waiting = readers.map((reader) => reader.next())
    void broker.publish('t', round)
    void broker.publish(`t.${round}`, round)
    for (const each of [...readers, ...handlers]) each.close()
    await Promise.all(waiting)
  }
}

await churn()
const before = await heapBytes()
await churn()
const growthBytes = (await heapBytes()) - before
assertBalanced(broker.ledger())
console.log(JSON.stringify({ growthBytes, mailboxes: broker.ledger().mailboxes.length }))
