// The log in memory: appending to the ring of a topic and replaying it, beside a ring written out by hand, and what a
// broker on top of it costs.
//
//     node bench/log.bench.mjs

import { createBroker } from 'spillway'
import { createLogBroker } from 'spillway/log'
// The ring itself has no door: what the goals are about is below the broker.
import { TopicLog } from '../dist/log/topic-log.js'
import { atMost, within } from './lib/goal.mjs'
import { messageHandlers, sink } from './lib/handlers.mjs'
import { payloadMask, payloads, sumOfPayloads } from './lib/payloads.mjs'
import { suite } from './lib/suite.mjs'

const kept = 16_384
const batch = 1024
const headers = {}
/** Made before: a benchmark of the ring shall not be one of the allocator. */
const records = payloads.map((payload, seq) => ({ topic: 't', payload, headers, offset: seq, seq }))
const limits = { count: kept, bytes: Infinity, ageMs: Infinity }

const cases = [
  {
    label: `append to a ring of ${kept}, full`,
    contestants: () => [appendRing(), appendFloor()],
    goals: [atMost(2.5, 'ring'), within(2, 'ring', 'floor: array ring')],
  },
  {
    label: `replay, batches of ${batch}`,
    contestants: () => [replayRing(), replayFloor(), replayReader(), pollReader()],
    goals: [atMost(3, 'ring'), within(2, 'ring', 'floor: array ring')],
  },
  {
    label: 'replay one by one',
    contestants: () => [replayLoop(), replayHandler()],
  },
  {
    label: `replay of 16 topics merged, batches of ${batch}`,
    contestants: () => [replayMerged()],
  },
  {
    label: 'publish, one handler',
    contestants: () => [
      publish('log', createLogBroker({ retention: { count: kept } })),
      publish('memory', createBroker()),
    ],
  },
  {
    label: 'publish, nobody subscribed',
    contestants: () => [publishOnly(), appendOnly()],
  },
]

await suite({ name: 'log', title: 'ns per message, the log in memory', cases })

function appendRing() {
  const log = filled()
  const run = (count) => {
    for (let i = 0; i < count; i++) log.append(records[i & payloadMask], 0, 0)
  }
  return { name: 'ring', run, step: batch }
}

/** One slot per record, the oldest overwritten: the least that a log can do. */
function appendFloor() {
  const ring = new Array(kept).fill(records[0])
  let next = kept
  const run = (count) => {
    for (let i = 0; i < count; i++) ring[next++ & (kept - 1)] = records[i & payloadMask]
  }
  return { name: 'floor: array ring', run, step: batch }
}

function filled() {
  const log = new TopicLog('t', limits)
  for (let i = 0; i < kept; i++) log.append(records[i & payloadMask], 0, 0)
  return log
}

function replayRing() {
  const log = filled()
  const run = (count) => {
    for (let done = 0; done < count; done += batch) {
      addUp(log.slice(log.first + (done & (kept - 1)), batch))
    }
  }
  return { name: 'ring', run, step: batch, wants: sumOfPayloads }
}

function replayFloor() {
  const ring = Array.from({ length: kept }, (_, i) => records[i & payloadMask])
  const run = (count) => {
    for (let done = 0; done < count; done += batch) {
      const at = done & (kept - 1)
      addUp(ring.slice(at, at + batch))
    }
  }
  return { name: 'floor: array ring', run, step: batch, wants: sumOfPayloads }
}

function replayReader() {
  const broker = brokerWith(['t'])
  const run = async (count) => {
    for (let done = 0; done < count; done += kept) {
      const batches = broker.subscribe('t', { from: 'start' }).batches({ max: batch })
      for (let left = kept; left > 0; left -= batch) addUp((await batches.next()).value)
      void batches.return()
    }
  }
  return { name: 'reader.batches()', run, step: kept, wants: sumOfPayloads }
}

function pollReader() {
  const broker = brokerWith(['t'])
  const run = (count) => {
    for (let done = 0; done < count; done += kept) {
      const reader = broker.subscribe('t', { from: 'start' })
      for (let message = reader.poll(); message !== undefined; message = reader.poll()) consume(message)
      reader.close()
    }
  }
  return { name: 'reader.poll()', run, step: kept, wants: sumOfPayloads }
}

function replayLoop() {
  const broker = brokerWith(['t'])
  const run = async (count) => {
    for (let done = 0; done < count; done += kept) {
      let left = kept
      for await (const message of broker.subscribe('t', { from: 'start' })) {
        consume(message)
        if (--left === 0) break
      }
    }
  }
  return { name: 'for await', run, step: kept, wants: sumOfPayloads }
}

function replayHandler() {
  const broker = brokerWith(['t'])
  const [handler] = messageHandlers(1)
  const run = async (count) => {
    for (let done = 0; done < count; done += kept)
      await broker.subscribe('t', handler, { from: 'start' }).drain()
  }
  return { name: 'handler', run, step: kept, wants: sumOfPayloads }
}

function replayMerged() {
  const broker = brokerWith(Array.from({ length: 16 }, (_, i) => `t.${i}`))
  const run = async (count) => {
    for (let done = 0; done < count; done += kept) {
      const batches = broker.subscribe('t.*', { from: 'start' }).batches({ max: batch })
      for (let left = kept; left > 0; left -= batch) addUp((await batches.next()).value)
      void batches.return()
    }
  }
  return { name: 'reader.batches()', run, step: kept, wants: sumOfPayloads }
}

/** Holds as many records as are replayed at a time, published to the topics in turn. */
function brokerWith(topics) {
  const broker = createLogBroker({ retention: { count: kept } })
  const publishers = topics.map((topic) => broker.topic(topic))
  for (let i = 0; i < kept; i++) publishers[i % topics.length].append(payloads[i & payloadMask])
  return broker
}

function publish(name, broker) {
  const [handler] = messageHandlers(1)
  broker.subscribe('t', handler)
  const publisher = broker.topic('t')
  const run = (count) => {
    for (let i = 0; i < count; i++) void publisher.publish(payloads[i & payloadMask])
  }
  return { name, run, step: batch, wants: sumOfPayloads }
}

function publishOnly() {
  const publisher = createLogBroker({ retention: { count: kept } }).topic('t')
  const run = (count) => {
    for (let i = 0; i < count; i++) void publisher.publish(payloads[i & payloadMask])
  }
  return { name: 'publish', run, step: batch }
}

function appendOnly() {
  const publisher = createLogBroker({ retention: { count: kept } }).topic('t')
  const run = (count) => {
    for (let i = 0; i < count; i++) publisher.append(payloads[i & payloadMask])
  }
  return { name: 'append', run, step: batch }
}

function addUp(messages) {
  let sum = 0
  for (const { payload } of messages) sum = (sum + payload.value) | 0
  sink.sum = (sink.sum + sum) | 0
}

function consume({ payload }) {
  sink.sum = (sink.sum + payload.value) | 0
}
