// Messages taken many at a time with `batches()`, and one by one with `poll() ?? await next()`, which waits
// only when nothing is pending: 1 and 100 subscribers, bursts of 1, 16 and 1024, capacity 1024.
//
//     node bench/batches.bench.mjs

import { PubSub } from 'effect'
import { createBroker } from 'spillway'
import { burstContestant, consume, Latch } from './lib/bursts.mjs'
import { startEffectHub } from './lib/effect-hub.mjs'
import { ahead, atMost } from './lib/goal.mjs'
import { payloadMask, payloads, sumOfPayloads } from './lib/payloads.mjs'
import { suite } from './lib/suite.mjs'

const capacity = 1024
const goalsNs = { '1/1024': 11, '100/16': 8, '100/1024': 2.5 }

const cases = [1, 100].flatMap((subscribers) =>
  [1, 16, 1024].map((burst) => {
    const goalNs = goalsNs[`${subscribers}/${burst}`]
    return {
      label: `batches: ${subscribers} subscriber${subscribers === 1 ? '' : 's'}, bursts of ${burst}`,
      contestants: () => contestants({ subscribers, burst }),
      goals: [
        ...(goalNs === undefined ? [] : [atMost(goalNs, 'spillway batches')]),
        ...(subscribers === 1 && burst === 1024 ? [atMost(6, 'spillway poll() ?? await next()')] : []),
        ahead(1, 'spillway batches', 'effect takeAll'),
      ],
    }
  }),
)

await suite({ name: 'batches', title: 'ns per delivered message, batches and poll', cases })

async function contestants(shape) {
  return [ours(shape), polled(shape), floor(shape), await effect(shape)]
}

function ours(shape) {
  const broker = createBroker()
  const latch = new Latch()
  const loop = async (subscription) => {
    for await (const batch of subscription.batches()) for (const { payload } of batch) consume(latch, payload)
  }
  for (let i = 0; i < shape.subscribers; i++) void loop(broker.subscribe('orders.created', { capacity }))
  const publisher = broker.topic('orders.created')
  const publish = (payload) => void publisher.publish(payload)
  return burstContestant({ ...shape, name: 'spillway batches', latch, publish })
}

function polled(shape) {
  const broker = createBroker()
  const latch = new Latch()
  const loop = async (subscription) => {
    for (;;) {
      const message = subscription.poll() ?? (await subscription.next()).value
      consume(latch, message.payload)
    }
  }
  for (let i = 0; i < shape.subscribers; i++) void loop(broker.subscribe('orders.created', { capacity }))
  const publisher = broker.topic('orders.created')
  const publish = (payload) => void publisher.publish(payload)
  return burstContestant({ ...shape, name: 'spillway poll() ?? await next()', latch, publish })
}

/** Nothing is published: each subscriber walks through arrays that are there already. */
function floor({ subscribers, burst }) {
  const batch = Array.from({ length: burst }, (_, i) => ({
    topic: 'orders.created',
    payload: payloads[i & payloadMask],
  }))
  const loop = async (count) => {
    const latch = { left: count + 1 }
    for await (const messages of resolved(batch, count / burst)) {
      for (const { payload } of messages) consume(latch, payload)
    }
  }
  const run = (count) => Promise.all(Array.from({ length: subscribers }, () => loop(count)))
  const wants = (count) => Math.imul(sumOfPayloads(burst), Math.imul(count / burst, subscribers))
  return { name: 'floor: for await over arrays', run, wants, delivers: subscribers, step: burst }
}

function resolved(batch, count) {
  let left = count
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next() {
      if (left-- === 0) return Promise.resolve({ value: undefined, done: true })
      return Promise.resolve({ value: batch, done: false })
    },
  }
}

async function effect(shape) {
  const latch = new Latch()
  const receive = (batch) => {
    for (const payload of batch) consume(latch, payload)
  }
  const { subscribers } = shape
  const publish = await startEffectHub({ capacity, subscribers, take: PubSub.takeAll, receive })
  return burstContestant({ ...shape, name: 'effect takeAll', latch, publish })
}
