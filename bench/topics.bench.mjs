// 1000 topics published to in turn, one handler each: by a publisher bound to its topic, and by name.
//
//     node bench/topics.bench.mjs

import EventEmitter3 from 'eventemitter3'
import mitt from 'mitt'
import { createNanoEvents } from 'nanoevents'
import { EventEmitter } from 'node:events'
import { createBroker } from 'spillway'
import { compile } from './lib/compile.mjs'
import { within } from './lib/goal.mjs'
import { messageHandlers, payloadHandlers } from './lib/handlers.mjs'
import { literalTopics } from './lib/names.mjs'
import { payloadMask, payloads, sumOfPayloads } from './lib/payloads.mjs'
import { suite } from './lib/suite.mjs'

const topics = literalTopics(1000)
const direct = 'floor: direct call, new message'

const cases = [
  {
    label: '1000 topics in turn, bound publishers',
    contestants: () => [
      contestant('spillway topic()', bound()),
      contestant(direct, directCalls(true)),
      contestant('floor: direct call, message re-used', directCalls(false)),
    ],
    goals: [
      within(1.4, 'spillway topic()', direct),
      within(1.4, 'spillway topic()', 'floor: direct call, message re-used'),
    ],
  },
  {
    label: '1000 topics in turn, by name',
    contestants: () => [
      contestant('spillway', byName()),
      contestant('EventEmitter', emitterOf(new EventEmitter(), payloadHandlers(1000))),
      contestant('eventemitter3', emitterOf(new EventEmitter3(), payloadHandlers(1000))),
      contestant('nanoevents', emitterOf(createNanoEvents(), payloadHandlers(1000))),
      contestant('mitt', emitterOf(mitt(), payloadHandlers(1000))),
    ],
    goals: [within(1.2, 'spillway', 'EventEmitter')],
  },
]

await suite({ name: 'topics', title: 'ns per message, 1000 topics with one handler each', cases })

function contestant(name, run) {
  return { name, run, wants: sumOfPayloads, step: 1000 }
}

function subscribed() {
  const broker = createBroker()
  for (const [i, handler] of messageHandlers(topics.length).entries()) broker.subscribe(topics[i], handler)
  return broker
}

function bound() {
  const broker = subscribed()
  const publishers = topics.map((topic) => broker.topic(topic))
  return (count) => {
    for (let i = 0, at = 0; i < count; i++) {
      void publishers[at].publish(payloads[i & payloadMask])
      if (++at === publishers.length) at = 0
    }
  }
}

function byName() {
  const broker = subscribed()
  return (count) => {
    for (let i = 0, at = 0; i < count; i++) {
      void broker.publish(topics[at], payloads[i & payloadMask])
      if (++at === topics.length) at = 0
    }
  }
}

function directCalls(fresh) {
  const handlers = messageHandlers(topics.length)
  const headers = {}
  const reused = payloads.map((payload) => ({ topic: topics[0], payload, headers }))
  if (!fresh) {
    return (count) => {
      for (let i = 0, at = 0; i < count; i++) {
        const handler = handlers[at]
        handler(reused[i & payloadMask])
        if (++at === handlers.length) at = 0
      }
    }
  }
  return (count) => {
    for (let i = 0, at = 0; i < count; i++) {
      const handler = handlers[at]
      handler({ topic: topics[at], payload: payloads[i & payloadMask], headers })
      if (++at === handlers.length) at = 0
    }
  }
}

function emitterOf(emitter, handlers) {
  for (const [i, handler] of handlers.entries()) emitter.on(topics[i], handler)
  const loop = `return (count) => {
    for (let i = 0, at = 0; i < count; i++) {
      emitter.emit(topics[at], payloads[i & ${payloadMask}])
      if (++at === topics.length) at = 0
    }
  }`
  return compile(loop, { emitter, topics, payloads })
}
