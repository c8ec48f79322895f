// Messages taken one by one with `for await`: 1 and 100 subscribers, bursts of 1, 16 and 1024, capacity 1024.
//
//     node bench/for-await.bench.mjs

import Emittery from 'emittery'
import { EventEmitter, on } from 'node:events'
import { createBroker } from 'spillway'
import { burstContestant, consume, Latch } from './lib/bursts.mjs'
import { startEffectHub } from './lib/effect-hub.mjs'
import { ahead, within } from './lib/goal.mjs'
import { payloadMask, payloads, sumOfPayloads } from './lib/payloads.mjs'
import { suite } from './lib/suite.mjs'

const capacity = 1024
const floorName = 'floor: for await over resolved promises'

const cases = [1, 100].flatMap((subscribers) =>
  [1, 16, 1024].map((burst) => ({
    label: `for await: ${subscribers} subscriber${subscribers === 1 ? '' : 's'}, bursts of ${burst}`,
    contestants: () => contestants(subscribers, burst),
    goals: [
      ...(burst === 1024 ? [within(subscribers === 1 ? 1.5 : 1.6, 'spillway', floorName)] : []),
      ahead(1, 'spillway', 'events.on'),
      ahead(1, 'spillway', 'effect take'),
    ],
  })),
)

await suite({ name: 'for-await', title: 'ns per delivered message, for await', cases })

async function contestants(subscribers, burst) {
  const shape = { subscribers, burst }
  return [ours(shape), floor(shape), eventsOn(shape), emittery(shape), await effect(shape)]
}

function ours(shape) {
  const broker = createBroker()
  const latch = new Latch()
  const loop = async (subscription) => {
    for await (const { payload } of subscription) consume(latch, payload)
  }
  for (let i = 0; i < shape.subscribers; i++) void loop(broker.subscribe('orders.created', { capacity }))
  const publisher = broker.topic('orders.created')
  const publish = (payload) => void publisher.publish(payload)
  return burstContestant({ ...shape, name: 'spillway', latch, publish })
}

/** No publisher and no waiting: each subscriber walks through messages that are there already. */
function floor({ subscribers, burst }) {
  const loop = async (count) => {
    const latch = { left: count + 1 }
    for await (const payload of resolved(count)) consume(latch, payload)
  }
  const run = (count) => Promise.all(Array.from({ length: subscribers }, () => loop(count)))
  const wants = (count) => Math.imul(sumOfPayloads(count), subscribers)
  return { name: floorName, run, wants, delivers: subscribers, step: Math.max(burst, 256) }
}

function resolved(count) {
  let next = 0
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next() {
      if (next === count) return Promise.resolve({ value: undefined, done: true })
      return Promise.resolve({ value: payloads[next++ & payloadMask], done: false })
    },
  }
}

function eventsOn(shape) {
  const emitter = new EventEmitter()
  emitter.setMaxListeners(0)
  const latch = new Latch()
  const loop = async () => {
    for await (const [payload] of on(emitter, 'orders.created')) consume(latch, payload)
  }
  for (let i = 0; i < shape.subscribers; i++) void loop()
  const publish = (payload) => void emitter.emit('orders.created', payload)
  return burstContestant({ ...shape, name: 'events.on', latch, publish })
}

function emittery(shape) {
  const emitter = new Emittery()
  const latch = new Latch()
  const loop = async () => {
    for await (const payload of emitter.events('orders.created')) consume(latch, payload)
  }
  for (let i = 0; i < shape.subscribers; i++) void loop()
  const publish = (payload) => void emitter.emit('orders.created', payload)
  return burstContestant({ ...shape, name: 'emittery', latch, publish })
}

async function effect(shape) {
  const latch = new Latch()
  const receive = (payload) => consume(latch, payload)
  const publish = await startEffectHub({ capacity, subscribers: shape.subscribers, receive })
  return burstContestant({ ...shape, name: 'effect take', latch, publish })
}
