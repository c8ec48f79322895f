// Bytes per idle subscription, 100 000 of them. Handlers and topics exist before and are not counted.
//
//     node bench/memory.bench.mjs

import EventEmitter3 from 'eventemitter3'
import mitt from 'mitt'
import { createNanoEvents } from 'nanoevents'
import { EventEmitter, getEventListeners } from 'node:events'
import { Subject } from 'rxjs'
import { createBroker } from 'spillway'
import { atMost } from './lib/goal.mjs'
import { heapUsed } from './lib/heap.mjs'
import { literalTopics } from './lib/names.mjs'
import { suite } from './lib/suite.mjs'

const count = 100_000
const handlers = Array.from({ length: count }, (_, i) => () => i)
const topics = literalTopics(count)
const controller = new AbortController()
const { signal } = controller

const cases = [
  {
    label: `idle: ${count} subscriptions on one topic`,
    unit: 'B each',
    collect: () => perSubscription(() => topics[0]),
    goals: [
      atMost(120, 'spillway handler', 'B'),
      atMost(120, 'spillway handler, shared signal', 'B'),
      atMost(250, 'spillway iterator', 'B'),
      atMost(250, 'spillway iterator, shared signal', 'B'),
    ],
  },
  {
    label: `idle: ${count} subscriptions on topics of their own`,
    unit: 'B each',
    note: 'For information.',
    collect: () => perSubscription((i) => topics[i]),
  },
  {
    label: `idle: abort listeners on a signal shared by ${count} subscriptions`,
    unit: 'listeners',
    collect: () => [{ name: 'spillway', samples: [abortListeners()] }],
    goals: [atMost(1, 'spillway', 'listener')],
  },
]

await suite({ name: 'memory', title: 'bytes per idle subscription', cases })

function perSubscription(topicAt) {
  return [
    weigh('spillway handler', createBroker, (broker, i) => broker.subscribe(topicAt(i), handlers[i])),
    weigh('spillway handler, shared signal', createBroker, (broker, i) =>
      broker.subscribe(topicAt(i), handlers[i], { signal }),
    ),
    weigh('spillway iterator', createBroker, (broker, i) => broker.subscribe(topicAt(i))),
    weigh('spillway iterator, shared signal', createBroker, (broker, i) =>
      broker.subscribe(topicAt(i), { signal }),
    ),
    weigh('EventEmitter', emitter, (target, i) => target.on(topicAt(i), handlers[i])),
    weigh(
      'eventemitter3',
      () => new EventEmitter3(),
      (target, i) => target.on(topicAt(i), handlers[i]),
    ),
    weigh('nanoevents', createNanoEvents, (target, i) => target.on(topicAt(i), handlers[i])),
    weigh('mitt', mitt, (target, i) => target.on(topicAt(i), handlers[i])),
    weigh(
      'rxjs Subject',
      () => new Subject(),
      (target, i) => target.subscribe(handlers[i]),
    ),
  ]
}

function emitter() {
  return new EventEmitter().setMaxListeners(0)
}

/** What a program that keeps nothing but the broker pays: whatever `subscribe` returns is let go. */
function weigh(name, make, subscribe) {
  const warm = make()
  for (let i = 0; i < 1000; i++) subscribe(warm, i)
  const target = make()
  const before = heapUsed()
  for (let i = 0; i < count; i++) subscribe(target, i)
  const after = heapUsed()
  subscribe(target, 0) // still alive
  return { name, samples: [(after - before) / count] }
}

function abortListeners() {
  const broker = createBroker()
  for (let i = 0; i < count; i++) broker.subscribe(topics[0], handlers[i], { signal })
  return getEventListeners(signal, 'abort').length
}
