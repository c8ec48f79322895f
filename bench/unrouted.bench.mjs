// Publishing where nobody subscribes: time, and bytes per call over a million calls with V8's optimiser on
// and off.
//
//     node bench/unrouted.bench.mjs

import EventEmitter3 from 'eventemitter3'
import mitt from 'mitt'
import { EventEmitter } from 'node:events'
import { Subject } from 'rxjs'
import { createBroker } from 'spillway'
import { compile } from './lib/compile.mjs'
import { ahead, atMost } from './lib/goal.mjs'
import { literalTopics } from './lib/names.mjs'
import { payloadMask, payloads } from './lib/payloads.mjs'
import { suite } from './lib/suite.mjs'

const topics = literalTopics(256)
const calls = 1_000_000
// With half a gigabyte of young space a million calls trigger no collection, so the difference is what they
// allocated.
const wideHeap = ['--min-semi-space-size=256', '--max-semi-space-size=256']
const bytesGoals = [atMost(0.01, 'spillway', 'B'), atMost(0.01, 'spillway topic()', 'B')]

const cases = [
  {
    label: 'no subscriber, one topic',
    contestants: () => contestants('topics[0]'),
    goals: [atMost(3, 'spillway'), ahead(1, 'spillway', 'EventEmitter')],
  },
  {
    label: 'no subscriber, 256 topics in turn',
    contestants: () => contestants('topics[i & 255]'),
    goals: [],
  },
  ...[[], ['--no-opt'], ['--jitless']].map((flags) => ({
    label: `no subscriber, bytes per call${flags.length === 0 ? '' : ` under ${flags.join(' ')}`}`,
    unit: 'B',
    flags: [...wideHeap, ...flags],
    collect: () => contestants('topics[0]').map(allocated),
    goals: bytesGoals,
  })),
]

await suite({ name: 'unrouted', title: 'publish without subscribers', cases })

/** Each contestant gets a loop of its own, so that none shares a call site with another. */
function contestants(topic) {
  const broker = createBroker()
  const publisher = broker.topic(topics[0])
  const rows = [
    ['spillway', broker, `void it.publish(${topic}, payloads[i & ${payloadMask}])`],
    ['floor: read the payload', {}, `it.last = payloads[i & ${payloadMask}]`],
    ['EventEmitter', new EventEmitter(), `it.emit(${topic}, payloads[i & ${payloadMask}])`],
    ['eventemitter3', new EventEmitter3(), `it.emit(${topic}, payloads[i & ${payloadMask}])`],
    ['mitt', mitt(), `it.emit(${topic}, payloads[i & ${payloadMask}])`],
    ['rxjs Subject', new Subject(), `it.next(payloads[i & ${payloadMask}])`],
  ]
  if (topic === 'topics[0]') {
    rows.splice(1, 0, ['spillway topic()', publisher, `void it.publish(payloads[i & ${payloadMask}])`])
  }
  return rows.map(([name, it, statement]) => ({ name, run: loopOf(it, statement) }))
}

function loopOf(it, statement) {
  return compile(`return (count) => { for (let i = 0; i < count; i++) ${statement} }`, {
    it,
    topics,
    payloads,
  })
}

/** The fewest of eight runs of a million calls: V8 allocates for itself now and then, a publish would each time. */
function allocated({ name, run }) {
  run(calls) // what V8 allocates to compile is not meant
  const samples = []
  for (let attempt = 0; attempt < 8; attempt++) {
    globalThis.gc()
    const before = process.memoryUsage().heapUsed
    run(calls)
    samples.push((process.memoryUsage().heapUsed - before) / calls)
  }
  return { name, samples: [Math.min(...samples)] }
}
