// A consumer against the plain handler form of subscribe, on the memory broker: what concurrency, retries, dead letters
// and books cost when nothing goes wrong. Goals are differences in nanoseconds to the plain form in the same round.
//
//     node bench/flow.bench.mjs

import { ConsecutiveBreaker, circuitBreaker, ExponentialBackoff, handleAll, retry, wrap } from 'cockatiel'
import fastq from 'fastq'
import { createBroker } from 'spillway'
import { consume, consumeBatches } from 'spillway/flow'
import { burstContestant, consume as count, Latch } from './lib/bursts.mjs'
import { ahead, over } from './lib/goal.mjs'
import { suite } from './lib/suite.mjs'

const topic = 'orders.created'
const plainName = 'plain handler of subscribe'
const capacity = 1024

const cases = ['sync', 'async'].flatMap((kind) =>
  [1, 16, 256].map((burst) => ({
    label: `flow: ${kind} handler, bursts of ${burst}`,
    contestants: () => contestants(kind, burst),
    goals: [
      over(250, 'spillway consume', plainName),
      ...(kind === 'async' ? [ahead(1, 'spillway consume', 'cockatiel retry and breaker')] : []),
    ],
  })),
)

await suite({ name: 'flow', title: 'ns per message, from publish to handled', cases })

function contestants(kind, burst) {
  const shape = { subscribers: 1, burst }
  const all = [consumer(kind, shape), everything(kind, shape), batches(shape), plain(kind, shape)]
  return kind === 'async' ? [...all, queue(shape), policies(shape)] : all
}

/** What the handler of a contestant does. */
function handlerOf(kind, latch) {
  return kind === 'sync'
    ? ({ payload }) => count(latch, payload)
    : async ({ payload }) => count(latch, payload)
}

function plain(kind, shape) {
  const broker = createBroker()
  const latch = new Latch()
  broker.subscribe(topic, handlerOf(kind, latch), { capacity })
  return contestant(plainName, shape, latch, broker)
}

function consumer(kind, shape) {
  const broker = createBroker()
  const latch = new Latch()
  consume({ broker, pattern: topic, subscribe: { capacity } }, handlerOf(kind, latch))
  return contestant('spillway consume', shape, latch, broker)
}

/** Every step that may be switched on. */
function everything(kind, shape) {
  const broker = createBroker()
  const latch = new Latch()
  consume({ broker, pattern: topic, subscribe: { capacity } }, handlerOf(kind, latch), {
    orderingKey: ({ payload }) => payload.name,
    circuit: {},
    rate: { perSecond: 1e9 },
    use: [(_message, _context, next) => next()],
  })
  return contestant('spillway consume, key, circuit, rate, use', shape, latch, broker)
}

function batches(shape) {
  const broker = createBroker()
  const latch = new Latch()
  const handler = (messages) => {
    for (const { payload } of messages) count(latch, payload)
    return messages
  }
  consumeBatches({ broker, pattern: topic, subscribe: { capacity } }, handler)
  return contestant('spillway consumeBatches', shape, latch, broker)
}

/** A queue with promises in front of the same handler. */
function queue(shape) {
  const broker = createBroker()
  const latch = new Latch()
  const worker = fastq.promise(async ({ payload }) => count(latch, payload), 1)
  broker.subscribe(topic, (message) => void worker.push(message), { capacity })
  return contestant('fastq, a promise each', shape, latch, broker)
}

/** Retry and circuit breaker as a library has them, around the same handler. */
function policies(shape) {
  const broker = createBroker()
  const latch = new Latch()
  const policy = wrap(
    retry(handleAll, { maxAttempts: 5, backoff: new ExponentialBackoff() }),
    circuitBreaker(handleAll, { halfOpenAfter: 10_000, breaker: new ConsecutiveBreaker(5) }),
  )
  broker.subscribe(topic, (message) => policy.execute(async () => count(latch, message.payload)), {
    capacity,
  })
  return contestant('cockatiel retry and breaker', shape, latch, broker)
}

function contestant(name, shape, latch, broker) {
  const publisher = broker.topic(topic)
  return burstContestant({
    ...shape,
    name,
    latch,
    publish: (payload) => void publisher.publish(payload),
  })
}
