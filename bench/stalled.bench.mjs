// What subscribers that never read cost the others: publish beside 0, 100, 1000 and 10 000 of them on the
// same topic, with one healthy reader, for each overflow policy that never waits. Their mailboxes are full
// when the clock starts.
//
//     node bench/stalled.bench.mjs

import { createBroker } from 'spillway'
import { within } from './lib/goal.mjs'
import { heapUsed } from './lib/heap.mjs'
import { sink } from './lib/handlers.mjs'
import { payloadMask, payloads, sumOfPayloads } from './lib/payloads.mjs'
import { suite } from './lib/suite.mjs'

const capacity = 1024
const crowds = [0, 100, 1000, 10_000]
const notes = {
  fail: 'rejects by design: every publish makes an error that names full mailboxes. For information.',
  disconnect: 'the stalled subscriptions have been ended at their first overflow.',
  latest: 'every payload is a key of its own; the healthy reader keeps up, the stalled ones supersede.',
}
// Those whose stalled subscriptions live on.
const keepers = ['drop-newest', 'drop-oldest', 'fail', 'latest']
const policies = ['drop-newest', 'drop-oldest', 'disconnect', 'fail', 'latest']

const cases = policies.map((overflow) => ({
  label: `stalled: ${overflow}`,
  unit: 'ns per publish + take',
  note: notes[overflow],
  contestants: () => crowds.map((crowd) => beside(crowd, overflow)),
  goals: overflow === 'fail' ? [] : crowds.slice(1).map((crowd) => within(2, nameOf(crowd), nameOf(0))),
}))

const backlog = {
  label: 'stalled: bytes per full mailbox of 1024, 1000 on one topic',
  unit: 'B',
  collect: () =>
    keepers.map((overflow) => ({ name: `spillway ${overflow}`, samples: [backlogBytes(overflow)] })),
}

await suite({
  name: 'stalled',
  title: 'publish beside subscribers that never read',
  cases: [...cases, backlog],
})

function nameOf(crowd) {
  return `spillway, ${crowd} stalled`
}

function beside(crowd, overflow) {
  const broker = createBroker()
  const options = optionsOf(overflow)
  const healthy = broker.subscribe('orders.created', options)
  const publisher = broker.topic('orders.created')
  const publish =
    overflow === 'fail'
      ? (payload) => void publisher.publish(payload).catch(ignore)
      : (payload) => void publisher.publish(payload)
  const run = (count) => {
    for (let i = 0; i < count; i++) {
      publish(payloads[i & payloadMask])
      const message = healthy.poll()
      sink.sum = (sink.sum + message.payload.value) | 0
    }
  }
  for (let i = 0; i < crowd; i++) broker.subscribe('orders.created', options)
  run(capacity + 1) // now every mailbox but one is full, and its policy has decided
  return { name: nameOf(crowd), run, wants: sumOfPayloads, step: 64 }
}

function optionsOf(overflow) {
  const key = (message) => message.payload
  return overflow === 'latest' ? { capacity, overflow, key } : { capacity, overflow }
}

function ignore() {}

/** What 1000 full mailboxes hold, beyond what they cost when empty and the messages themselves. */
function backlogBytes(overflow) {
  const crowd = 1000
  const fill = (broker) => {
    const publisher = broker.topic('orders.created')
    for (let i = 0; i < capacity; i++) publisher.publish({ value: i }).catch(ignore)
  }
  const broker = createBroker()
  const options = optionsOf(overflow)
  const subscriptions = Array.from({ length: crowd }, () => broker.subscribe('orders.created', options))
  const alone = createBroker()
  const single = alone.subscribe('orders.created', options)
  const before = heapUsed()
  fill(alone)
  const shared = heapUsed()
  fill(broker)
  broker.topic('orders.created').publish({ value: 0 }).catch(ignore)
  const after = heapUsed()
  if (subscriptions[0].pending !== capacity) throw new Error('The mailboxes are not full')
  if (single.pending !== capacity) throw new Error('The single mailbox is not full')
  return (after - shared - (shared - before)) / (crowd - 1)
}
