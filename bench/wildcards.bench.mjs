// Topics matched against 100 and 10 000 patterns with wildcards; each topic matches one of them. Topics that
// recur (1000 in turn), and topics never seen before, whose names are built by the loop.
//
//     node bench/wildcards.bench.mjs

import EventEmitter2 from 'eventemitter2'
import mqemitter from 'mqemitter'
import { Qlobber } from 'qlobber'
import { createBroker } from 'spillway'
import { compile } from './lib/compile.mjs'
import { ahead, atMost, within } from './lib/goal.mjs'
import { messageHandlers, payloadHandlers } from './lib/handlers.mjs'
import { heapUsed } from './lib/heap.mjs'
import { literal } from './lib/names.mjs'
import { payloadMask, payloads, sumOfPayloads } from './lib/payloads.mjs'
import { suite } from './lib/suite.mjs'

const many = 10_000
const few = 100
const distinct = 1_000_000

const cases = [
  {
    label: `wildcards: recurring topics, ${many} patterns`,
    unit: 'ns per message',
    contestants: () => [
      contestant('spillway', spillway(many), recurring(many)),
      contestant('spillway, 100 patterns', spillway(few), recurring(few)),
      contestant('qlobber', qlobber(many), recurring(many)),
      contestant('mqemitter', mqEmitter(many), recurring(many)),
      contestant('eventemitter2', eventEmitter2(many), recurring(many)),
    ],
    goals: [
      atMost(25, 'spillway'),
      within(1.3, 'spillway', 'spillway, 100 patterns'),
      ahead(25, 'spillway', 'qlobber'),
      ahead(1, 'spillway', 'eventemitter2'),
    ],
  },
  {
    label: `wildcards: topics never seen before, ${many} patterns`,
    unit: 'ns per message',
    contestants: () => [
      contestant('spillway', spillway(many), unseen()),
      contestant('floor: build the topic, look it up', lookUp(), unseen()),
      contestant('qlobber', qlobber(many), unseen()),
      contestant('mqemitter', mqEmitter(many), unseen()),
      contestant('eventemitter2', eventEmitter2(many), unseen()),
    ],
    goals: [atMost(450, 'spillway'), ahead(1, 'spillway', 'qlobber'), ahead(1, 'spillway', 'eventemitter2')],
  },
  {
    label: 'wildcards: what a million topics used once leave behind',
    unit: 'B',
    collect: () => [{ name: 'spillway', samples: [leftBehind()] }],
    goals: [atMost(4_000_000, 'spillway', 'B')],
  },
]

await suite({ name: 'wildcards', title: 'matching patterns with wildcards', cases })

/** Six of ten end with `*`, two have it in the middle, one ends with `>`; one begins with `*`, matching nothing. */
function patterns(count, tail = '>') {
  return Array.from({ length: count }, (_, i) => {
    const region = Math.floor(i / 100)
    const thing = i % 100
    const kind = i % 10
    if (kind < 6) return `region-${region}.thing-${thing}.*`
    if (kind < 8) return `region-${region}.*.state-${thing}`
    return kind === 8 ? `region-${region}.thing-${thing}.${tail}` : `*.thing-${thing}.nothing-${region}`
  })
}

/** A topic for each pattern that can match, spread over them. */
function topicOf(number, count, last) {
  const i = (number * 7919) % count
  const region = Math.floor(i / 100)
  const thing = i % 100
  const kind = i % 10
  if (kind === 6 || kind === 7) return `region-${region}.other-${number}.state-${thing}`
  return `region-${region}.thing-${kind === 9 ? thing - 9 : thing}.${last}`
}

function recurring(count) {
  const topics = Array.from({ length: 1000 }, (_, number) =>
    literal(topicOf(number, count, `event-${number}`)),
  )
  let at = 0
  return () => {
    const topic = topics[at++]
    if (at === topics.length) at = 0
    return topic
  }
}

function unseen() {
  const starts = Array.from({ length: 8192 }, (_, number) => literal(topicOf(number * 10, many, 'event-')))
  let made = 0
  return () => starts[made & 8191] + made++
}

function contestant(name, publish, nextTopic) {
  const loop = `return (count) => {
    for (let i = 0; i < count; i++) publish(nextTopic(), payloads[i & ${payloadMask}])
  }`
  const run = compile(loop, { publish, nextTopic, payloads })
  return { name, run, wants: sumOfPayloads, step: 1000 }
}

function spillway(count) {
  const broker = createBroker()
  const handlers = messageHandlers(count)
  for (const [i, pattern] of patterns(count).entries()) broker.subscribe(pattern, handlers[i])
  return (topic, payload) => void broker.publish(topic, payload)
}

function lookUp() {
  const known = new Map([['region-1.thing-1.event', messageHandlers(1)[0]]])
  const [handler] = payloadHandlers(1)
  return (topic, payload) => (known.get(topic) ?? handler)(payload)
}

function qlobber(count) {
  const matcher = new Qlobber({ wildcard_one: '*', wildcard_some: '#' })
  const handlers = payloadHandlers(count)
  for (const [i, pattern] of patterns(count, '#').entries()) matcher.add(pattern, handlers[i])
  return (topic, payload) => {
    for (const handler of matcher.match(topic)) handler(payload)
  }
}

function mqEmitter(count) {
  const emitter = mqemitter({ separator: '.', wildcardOne: '*', wildcardSome: '#' })
  const handlers = payloadHandlers(count)
  for (const [i, pattern] of patterns(count, '#').entries()) {
    const handler = handlers[i]
    emitter.on(pattern, (message, done) => {
      handler(message.payload)
      done()
    })
  }
  return (topic, payload) => emitter.emit({ topic, payload })
}

function eventEmitter2(count) {
  const emitter = new EventEmitter2({ wildcard: true, delimiter: '.', maxListeners: 0 })
  const handlers = payloadHandlers(count)
  for (const [i, pattern] of patterns(count, '**').entries()) emitter.on(pattern, handlers[i])
  return (topic, payload) => emitter.emit(topic, payload)
}

function leftBehind() {
  const publish = spillway(many)
  const nextTopic = unseen()
  publish('region-0.thing-0.event', payloads[0])
  const before = heapUsed()
  for (let i = 0; i < distinct; i++) publish(nextTopic(), payloads[i & payloadMask])
  const after = heapUsed()
  publish('region-0.thing-0.event', payloads[0]) // still alive
  return after - before
}
