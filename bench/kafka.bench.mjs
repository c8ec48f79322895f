// Kafka through a broker of ours and through the bare client, on the same server, in turn, for both engines: publishing
// batches that are awaited, and consuming with a handler that is called with each message.
//
//     node bench/kafka.bench.mjs
//
// It prints its own answer: messages per second by the clock on the wall, and ratios, medians over the rounds.

import { createKafkaBroker } from 'spillway/kafka'
import { engines, startKafka } from './lib/kafka/server.mjs'

const rounds = Number(process.env.ROUNDS ?? 5)
const batch = 1000
const batches = Number(process.env.BATCHES ?? 40)
const count = batch * batches
const payload = { text: 'x'.repeat(240) } // 256 bytes of JSON

const server = await startKafka()
const rows = []
for (const engine of engines(server.brokers)) {
  const admin = engine.kafka.admin()
  await admin.connect()
  const name = (what) => `bench-${engine.name}-${what}-${Date.now()}`
  const topicOf = async (what) => {
    const topic = name(what)
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
    return topic
  }
  const broker = createKafkaBroker({ kafka: engine.kafka })
  const producer = engine.kafka.producer(engine.producer)
  await producer.connect()
  const bareProduce = await topicOf('bare')
  const ourProduce = await topicOf('ours')
  const produce = {
    bare: () => produceBare(producer, bareProduce),
    ours: () => produceOurs(broker, ourProduce),
  }
  rows.push(await compare(`${engine.name}: publish batches of ${batch}`, produce))
  rows.push(
    await compare(`${engine.name}: consume, a handler per message`, {
      bare: () => consumeBare(engine, bareProduce, name('bare-group')),
      ours: () => consumeOurs(engine, bareProduce, name('our-group')),
    }),
  )
  await broker.close()
  await producer.disconnect()
  await admin.disconnect()
}
server.stop()

console.log(`\n${'case'.padEnd(46)}${'bare/s'.padStart(10)}${'ours/s'.padStart(10)}${'ratio'.padStart(8)}`)
for (const { bare, label, ours, ratio } of rows) {
  const figures = [Math.round(bare), Math.round(ours)].map((rate) => String(rate).padStart(10)).join('')
  console.log(
    `${label.padEnd(46)}${figures}${ratio.toFixed(2).padStart(8)}  goal 0.85 ${ratio >= 0.85 ? 'met' : 'MISSED'}`,
  )
}
process.exit(0)

async function compare(label, { bare, ours }) {
  const rates = []
  await bare()
  await ours()
  for (let round = 0; round < rounds; round++) {
    const first = round % 2 === 0
    const one = await (first ? bare : ours)()
    const other = await (first ? ours : bare)()
    rates.push(first ? { bare: one, ours: other } : { bare: other, ours: one })
  }
  const of = (pick) => median(rates.map(pick))
  return { label, bare: of((r) => r.bare), ours: of((r) => r.ours), ratio: of((r) => r.ours / r.bare) }
}

async function produceBare(producer, topic) {
  const since = performance.now()
  for (let n = 0; n < batches; n++) {
    const messages = Array.from({ length: batch }, () => ({ value: JSON.stringify(payload) }))
    await producer.send({ topic, messages })
  }
  return rate(since)
}

async function produceOurs(broker, topic) {
  const since = performance.now()
  for (let n = 0; n < batches; n++)
    await Promise.all(Array.from({ length: batch }, () => broker.publish(topic, payload)))
  return rate(since)
}

/** Times from the first message on: joining a group takes longer than reading, and differs by a second from time to time. */
async function consumeBare(engine, topic, groupId) {
  const consumer = engine.kafka.consumer(engine.consumer(groupId))
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], ...engine.subscribe })
  const result = await new Promise((resolve) => {
    const meter = makeMeter(resolve)
    void consumer.run({
      ...engine.run,
      eachMessage: async ({ message }) => {
        meter(JSON.parse(message.value.toString()))
      },
    })
  })
  await consumer.disconnect()
  return result
}

async function consumeOurs(engine, topic, group) {
  const broker = createKafkaBroker({ kafka: engine.kafka })
  const result = await new Promise((resolve) => {
    const meter = makeMeter(resolve)
    broker.subscribe(topic, async (message) => meter(message.payload), { group, from: 'start' })
  })
  await broker.close()
  return result
}

function makeMeter(done) {
  let [seen, since, sum] = [0, 0, 0]
  return (body) => {
    if (seen === 0) since = performance.now()
    sum += body.text.length
    if (++seen === count) done(rate(since))
    if (sum < 0) throw new Error('never')
  }
}

function rate(since) {
  return count / ((performance.now() - since) / 1000)
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}
