// A queue group of 8: each message goes to one of them. Called handlers, `for await` and `batches()`, bursts
// of 1024.
//
//     node bench/groups.bench.mjs

import fastq from 'fastq'
import { EventEmitter } from 'node:events'
import { createBroker } from 'spillway'
import { burstContestant, consume, Latch } from './lib/bursts.mjs'
import { ahead, atMost } from './lib/goal.mjs'
import { messageHandlers, payloadHandlers } from './lib/handlers.mjs'
import { payloadMask, payloads, sumOfPayloads } from './lib/payloads.mjs'
import { suite } from './lib/suite.mjs'

const members = 8
const burst = 1024
const inGroup = { group: 'packers', capacity: burst }

const cases = [
  {
    label: 'queue group of 8: handlers',
    contestants: () => [
      called('spillway', handlersOfGroup()),
      called('floor: call in turn', callInTurn()),
      called('EventEmitter, round robin', roundRobin()),
      called('fastq', queueOfTasks()),
    ],
    goals: [
      atMost(10, 'spillway'),
      ahead(1, 'spillway', 'EventEmitter, round robin'),
      ahead(4, 'spillway', 'fastq'),
    ],
  },
  {
    label: 'queue group of 8: batches',
    contestants: () => [readers('spillway', byBatches)],
    goals: [atMost(18, 'spillway')],
  },
  {
    label: 'queue group of 8: for await',
    contestants: () => [readers('spillway', oneByOne)],
    goals: [atMost(95, 'spillway')],
  },
]

await suite({ name: 'groups', title: 'ns per message, queue group of 8', cases })

function called(name, run) {
  return { name, run, wants: sumOfPayloads }
}

function handlersOfGroup() {
  const broker = createBroker()
  for (const handler of messageHandlers(members)) broker.subscribe('orders.packed', handler, inGroup)
  const publisher = broker.topic('orders.packed')
  return (count) => {
    for (let i = 0; i < count; i++) void publisher.publish(payloads[i & payloadMask])
  }
}

function callInTurn() {
  const handlers = messageHandlers(members)
  return (count) => {
    for (let i = 0; i < count; i++) {
      const handler = handlers[i & (members - 1)]
      handler({ topic: 'orders.packed', payload: payloads[i & payloadMask] })
    }
  }
}

function roundRobin() {
  const emitter = new EventEmitter()
  const names = payloadHandlers(members).map((handler, i) => {
    emitter.on(`orders.packed.${i}`, handler)
    return `orders.packed.${i}`
  })
  return (count) => {
    for (let i = 0; i < count; i++) emitter.emit(names[i & (members - 1)], payloads[i & payloadMask])
  }
}

function queueOfTasks() {
  const handlers = payloadHandlers(members)
  let turn = 0
  const work = (payload, done) => {
    const handler = handlers[turn++ & (members - 1)]
    handler(payload)
    done()
  }
  const queue = fastq(work, members)
  return (count) => {
    for (let i = 0; i < count; i++) queue.push(payloads[i & payloadMask])
  }
}

function readers(name, read) {
  const broker = createBroker()
  const latch = new Latch()
  for (let i = 0; i < members; i++) void read(broker.subscribe('orders.packed', inGroup), latch)
  const publisher = broker.topic('orders.packed')
  const publish = (payload) => void publisher.publish(payload)
  return burstContestant({ name, burst, subscribers: 1, latch, publish })
}

async function byBatches(subscription, latch) {
  for await (const batch of subscription.batches()) for (const { payload } of batch) consume(latch, payload)
}

async function oneByOne(subscription, latch) {
  for await (const { payload } of subscription) consume(latch, payload)
}
