// JetStream: what the broker costs beside the bare client, on a real server (the nats-server on PATH), by the clock on
// the wall: most of the time is the server's. Publishing has 256 messages unacknowledged in both; consuming has up to 256
// prefetched in both, and every ack is confirmed by the server (`ackAck`), without waiting for one before the next.
//
//     node bench/nats-jetstream.bench.mjs

import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { createJetStreamBroker } from 'spillway/nats'
import { within } from './lib/goal.mjs'
import { natsServer } from './lib/nats-server.mjs'
import { suite } from './lib/suite.mjs'

const window = 256
const perRound = 8192
const rounds = 11
const body = new Uint8Array(256).fill(0x61)
const asIs = { encode: (bytes) => bytes, decode: (bytes) => bytes }
/** 0.9 × as fast as the client alone. */
const slack = 1.111
const goals = [within(slack, 'spillway', 'bare client')]

const cases = [
  { label: `publish 256 bytes with an id, window of ${window}`, collect: publishing, goals },
  { label: 'consume 256 bytes, every ack confirmed', collect: consuming, goals },
]

await suite({ name: 'nats-jetstream', title: 'ns per message, JetStream', cases })

async function publishing() {
  const { bare, broker, manager } = await open()
  return race({
    prepare: () => manager.streams.purge('BENCH'),
    contestants: {
      spillway: () => inWindow(() => broker.publish('bench.a', body)),
      'bare client': () => {
        let id = 0
        const prefix = `${Math.random()}-`
        return inWindow(() => bare.publish('bench.a', body, { msgID: prefix + id++ }))
      },
    },
  })
}

async function consuming() {
  const { bare, broker, manager } = await open()
  const consumer = { durable_name: 'bare', ack_policy: 'explicit', max_ack_pending: window * 4 }
  return race({
    prepare: async () => {
      await manager.streams.purge('BENCH')
      await inWindow(() => bare.publish('bench.a', body))
    },
    contestants: {
      spillway: () => spillwayConsumes(broker),
      'bare client': async () => {
        await manager.consumers.add('BENCH', consumer)
        await bareConsumes(await bare.consumers.get('BENCH', 'bare'))
        await manager.consumers.delete('BENCH', 'bare')
      },
    },
  })
}

async function spillwayConsumes(broker) {
  const options = { group: 'ours', from: 'start', prefetch: window, maxInFlight: window * 4 }
  const member = broker.subscribe('bench.a', options)
  const acks = []
  for await (const message of member) {
    if (message.payload.length !== body.length) throw new Error('a message is not what was published')
    acks.push(message.ack())
    if (acks.length === perRound) break
  }
  if ((await Promise.all(acks)).includes(false)) throw new Error('an ack was not confirmed')
  await broker.removeGroup('ours', 'bench.a')
}

async function bareConsumes(consumer) {
  const acks = []
  for await (const message of await consumer.consume({ max_messages: window })) {
    if (message.data.length !== body.length) throw new Error('a message is not what was published')
    acks.push(message.ackAck())
    if (acks.length === perRound) break
  }
  if ((await Promise.all(acks)).includes(false)) throw new Error('an ack was not confirmed')
}

/** Each side has a connection of its own. */
async function open() {
  const servers = await natsServer()
  const [connection, own] = [await connect({ servers }), await connect({ servers })]
  const streams = [{ name: 'BENCH', topics: ['bench.>'] }]
  const broker = await createJetStreamBroker({
    connection,
    streams,
    codec: asIs,
    window: { messages: window },
  })
  return { broker, bare: jetstream(own), manager: await jetstreamManager(own) }
}

/** Every round runs each contestant once, in rotated order. */
async function race({ contestants, prepare }) {
  const names = Object.keys(contestants)
  const rows = names.map((name) => ({ name, samples: [] }))
  for (let round = -2; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const at = (round + 2 + turn) % names.length
      await prepare()
      globalThis.gc?.()
      const since = performance.now()
      await contestants[names[at]]()
      if (round >= 0) rows[at].samples.push(((performance.now() - since) * 1e6) / perRound)
    }
  }
  return rows
}

/** Runs so many publishes, of which at most a window is unsettled. */
function inWindow(publish) {
  return new Promise((resolve, reject) => {
    let [begun, done] = [0, 0]
    const settled = () => {
      if (++done === perRound) resolve()
      else if (begun < perRound) next()
    }
    const next = () => {
      begun++
      publish().then(settled, reject)
    }
    for (let i = 0; i < window; i++) next()
  })
}
