// From publish to handler: 1, 10, 100 and 1000 subscribers on one topic.
//
// There are two floors, both a bare loop over the handlers. Emitters pass on what they are given, so one
// floor re-uses its message objects; a broker must hand over a message, so the other makes one per publish,
// as we have to.
//
//     node bench/fanout.bench.mjs

import Emittery from 'emittery'
import EventEmitter3 from 'eventemitter3'
import mitt from 'mitt'
import { createNanoEvents } from 'nanoevents'
import { EventEmitter, setMaxListeners } from 'node:events'
import { Subject } from 'rxjs'
import { createBroker } from 'spillway'
import { ahead, atMost, within } from './lib/goal.mjs'
import { eventHandlers, messageHandlers, payloadHandlers } from './lib/handlers.mjs'
import { payloadMask, payloads, sumOfPayloads } from './lib/payloads.mjs'
import { suite } from './lib/suite.mjs'

const topic = 'orders.created'
const bare = 'floor: bare loop, new message'
const bareReused = 'floor: bare loop, message re-used'

const cases = [1, 10, 100, 1000].flatMap((subscribers) =>
  (subscribers === 1 ? [true] : [false, true]).map((same) => ({
    label: labelOf(subscribers, same),
    contestants: () => contestants(subscribers, same),
    goals: goalsOf(subscribers, same),
  })),
)

await suite({ name: 'fanout', title: 'ns per delivered message, from publish to handler', cases })

function labelOf(subscribers, same) {
  if (subscribers === 1) return 'fan-out: 1 subscriber'
  return `fan-out: ${subscribers} subscribers${same ? ', the same function' : ''}`
}

function goalsOf(subscribers, same) {
  if (subscribers === 1) return [atMost(2.5, 'spillway'), ahead(3, 'spillway', 'EventEmitter')]
  return same ? [] : [within(1.05, 'spillway', bare), within(1.05, 'spillway', bareReused)]
}

function contestants(subscribers, same) {
  const ours = () => messageHandlers(subscribers, same)
  const theirs = () => payloadHandlers(subscribers, same)
  const runs = [
    ['spillway', spillway(ours())],
    [bareReused, reusedLoop(ours())],
    [bare, freshLoop(ours())],
    ['EventEmitter', eventEmitter(theirs())],
    ['EventTarget', eventTarget(eventHandlers(subscribers, same))],
    ['eventemitter3', eventEmitter3(theirs())],
    ['nanoevents', nanoEvents(theirs())],
    ['mitt', mittEmitter(theirs())],
    ['emittery', emittery(theirs())],
    ['rxjs Subject', subject(theirs())],
  ]
  const wants = (count) => Math.imul(sumOfPayloads(count), subscribers)
  return runs.map(([name, run]) => ({
    name,
    run,
    wants,
    delivers: subscribers,
    step: name === 'emittery' ? 16 : 256,
  }))
}

function spillway(handlers) {
  const broker = createBroker()
  for (const handler of handlers) broker.subscribe(topic, handler)
  return (count) => {
    for (let i = 0; i < count; i++) void broker.publish(topic, payloads[i & payloadMask])
  }
}

function reusedLoop(handlers) {
  const messages = payloads.map((payload) => ({ topic, payload, headers: undefined }))
  return (count) => {
    for (let i = 0; i < count; i++) {
      const message = messages[i & payloadMask]
      for (let at = 0; at < handlers.length; at++) {
        const handler = handlers[at]
        handler(message)
      }
    }
  }
}

function freshLoop(handlers) {
  const headers = {}
  return (count) => {
    for (let i = 0; i < count; i++) {
      const message = { topic, payload: payloads[i & payloadMask], headers }
      for (let at = 0; at < handlers.length; at++) {
        const handler = handlers[at]
        handler(message)
      }
    }
  }
}

function eventEmitter(handlers) {
  const emitter = new EventEmitter()
  emitter.setMaxListeners(0)
  for (const handler of handlers) emitter.on(topic, handler)
  return (count) => {
    for (let i = 0; i < count; i++) emitter.emit(topic, payloads[i & payloadMask])
  }
}

/** An event can be dispatched once, so make one each time. Equal handlers are called once, so wrap them. */
function eventTarget(handlers) {
  const target = new EventTarget()
  setMaxListeners(0, target)
  for (const handler of handlers) target.addEventListener(topic, (event) => handler(event))
  return (count) => {
    for (let i = 0; i < count; i++) {
      target.dispatchEvent(new CustomEvent(topic, { detail: payloads[i & payloadMask] }))
    }
  }
}

function eventEmitter3(handlers) {
  const emitter = new EventEmitter3()
  for (const handler of handlers) emitter.on(topic, handler)
  return (count) => {
    for (let i = 0; i < count; i++) emitter.emit(topic, payloads[i & payloadMask])
  }
}

function nanoEvents(handlers) {
  const emitter = createNanoEvents()
  for (const handler of handlers) emitter.on(topic, handler)
  return (count) => {
    for (let i = 0; i < count; i++) emitter.emit(topic, payloads[i & payloadMask])
  }
}

function mittEmitter(handlers) {
  const emitter = mitt()
  for (const handler of handlers) emitter.on(topic, handler)
  return (count) => {
    for (let i = 0; i < count; i++) emitter.emit(topic, payloads[i & payloadMask])
  }
}

/** Its handlers run in a later microtask, so wait; equal ones are called once, so wrap them. */
function emittery(handlers) {
  const emitter = new Emittery()
  for (const handler of handlers) emitter.on(topic, (payload) => handler(payload))
  return async (count) => {
    for (let i = 0; i < count; i++) await emitter.emit(topic, payloads[i & payloadMask])
  }
}

function subject(handlers) {
  const source = new Subject()
  for (const handler of handlers) source.subscribe(handler)
  return (count) => {
    for (let i = 0; i < count; i++) source.next(payloads[i & payloadMask])
  }
}
