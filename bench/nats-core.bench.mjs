// Core NATS: what the broker costs beside the bare client, on a real server (the nats-server on PATH).
//
//     node bench/nats-core.bench.mjs

import { connect } from '@nats-io/transport-node'
import { createNatsBroker } from 'spillway/nats'
import { within } from './lib/goal.mjs'
import { sink } from './lib/handlers.mjs'
import { natsServer } from './lib/nats-server.mjs'
import { suite } from './lib/suite.mjs'

const body = new Uint8Array(256).fill(0x61)
const value = {
  id: 4711,
  customer: 'c-100',
  lines: [
    { sku: 'a', n: 1 },
    { sku: 'b', n: 2 },
  ],
  note: 'x'.repeat(120),
}
/** Bytes as they are: what is left is what the broker itself costs. */
const asIs = { encode: (bytes) => bytes, decode: (bytes) => bytes }
const [encoder, decoder] = [new TextEncoder(), new TextDecoder()]
/** 0.85 × as fast as the client alone. */
const slack = 1.176
const burst = 1024

/** Opens when so many messages have been handled. */
class Latch {
  #left = 0
  #open = () => undefined

  after(count) {
    this.#left = count
    return new Promise((resolve) => {
      this.#open = resolve
    })
  }

  count(value) {
    sink.sum = (sink.sum + value) | 0
    if (--this.#left === 0) this.#open()
  }
}

const cases = [
  {
    label: 'publish 256 bytes',
    contestants: () => versus(publishBytes, barePublishBytes),
    goals: [within(slack, 'spillway', 'floor: bare client')],
  },
  {
    label: 'publish JSON',
    contestants: () => versus(publishJson, barePublishJson),
    goals: [within(slack, 'spillway', 'floor: bare client')],
  },
  {
    label: 'publish and handle 256 bytes, one process',
    contestants: () => versus(handleBytes, bareHandleBytes, body.length),
    goals: [within(slack, 'spillway', 'floor: bare client')],
  },
  {
    label: 'publish and handle JSON, one process',
    contestants: () => versus(handleJson, bareHandleJson, value.id),
    goals: [within(slack, 'spillway', 'floor: bare client')],
  },
  {
    label: 'handle 256 bytes, published by another connection',
    contestants: () => versus(receiveBytes, bareReceiveBytes, body.length),
    goals: [within(slack, 'spillway', 'floor: bare client')],
  },
]

await suite({ name: 'nats-core', title: 'ns per message, core NATS', cases })

/** `each` is what the handlers add up per message, where there are any. */
async function versus(ours, bare, each) {
  const servers = await natsServer()
  const common = { step: burst, wants: each === undefined ? undefined : (count) => count * each }
  return [
    { name: 'spillway', ...common, run: await ours(await connect({ servers })) },
    { name: 'floor: bare client', ...common, run: await bare(await connect({ servers })) },
  ]
}

/** Publishes in bursts, each of which the server has read before the next: so the cost of sending is in it. */
function inBursts(publish, flush) {
  return async (count) => {
    for (let left = count; left > 0; left -= burst) {
      for (let i = 0; i < burst; i++) publish()
      await flush()
    }
  }
}

function publishBytes(connection) {
  const publisher = createNatsBroker({ connection, codec: asIs }).topic('bench.publish')
  return inBursts(
    () => void publisher.publish(body),
    () => connection.flush(),
  )
}

function barePublishBytes(connection) {
  return inBursts(
    () => connection.publish('bench.publish', body),
    () => connection.flush(),
  )
}

function publishJson(connection) {
  const publisher = createNatsBroker({ connection }).topic('bench.publish')
  return inBursts(
    () => void publisher.publish(value),
    () => connection.flush(),
  )
}

function barePublishJson(connection) {
  return inBursts(
    () => connection.publish('bench.publish', encoder.encode(JSON.stringify(value))),
    () => connection.flush(),
  )
}

function handleBytes(connection) {
  const broker = createNatsBroker({ connection, codec: asIs })
  const latch = new Latch()
  broker.subscribe('bench.a', ({ raw }) => latch.count(raw.length))
  return toHandler(() => void broker.publish('bench.a', body), latch)
}

function bareHandleBytes(connection) {
  const latch = new Latch()
  connection.subscribe('bench.b', { callback: (_, { data }) => latch.count(data.length) })
  return toHandler(() => connection.publish('bench.b', body), latch)
}

function handleJson(connection) {
  const broker = createNatsBroker({ connection })
  const latch = new Latch()
  broker.subscribe('bench.a', ({ payload }) => latch.count(payload.id))
  return toHandler(() => void broker.publish('bench.a', value), latch)
}

function bareHandleJson(connection) {
  const latch = new Latch()
  connection.subscribe('bench.b', {
    callback: (_, { data }) => latch.count(JSON.parse(decoder.decode(data)).id),
  })
  return toHandler(() => connection.publish('bench.b', encoder.encode(JSON.stringify(value))), latch)
}

async function receiveBytes(connection) {
  const broker = createNatsBroker({ connection, codec: asIs })
  const latch = new Latch()
  broker.subscribe('bench.a', ({ payload }) => latch.count(payload.length))
  await broker.flush()
  const publisher = await connect({ servers: await natsServer() })
  return toHandler(() => publisher.publish('bench.a', body), latch)
}

async function bareReceiveBytes(connection) {
  const latch = new Latch()
  connection.subscribe('bench.b', { callback: (_, { data }) => latch.count(data.length) })
  await connection.flush()
  const publisher = await connect({ servers: await natsServer() })
  return toHandler(() => publisher.publish('bench.b', body), latch)
}

function toHandler(publish, latch) {
  return async (count) => {
    for (let left = count; left > 0; left -= burst) {
      const arrived = latch.after(burst)
      for (let i = 0; i < burst; i++) publish()
      await arrived
    }
  }
}
