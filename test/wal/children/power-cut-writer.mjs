// Publishes from many places at once, reads it all as a member of a group, and writes a line for everything that is
// promised or done, until it is stopped in the middle.
import { setTimeout as pass } from 'node:timers/promises'
import { openDurableBroker } from '../../../dist/wal/index.js'
import { say } from './say.mjs'

const [directory, publishers, sync, life] = process.argv.slice(2)

say('begin')
const broker = await openDurableBroker(directory, { sync, segmentBytes: 40_000 })
const usual = sync === 'always' ? 'synced' : 'written'

async function publish(topic) {
  const next = broker.topics().find((one) => one.topic === topic)?.next ?? 0
  for (let n = next; ; n++) {
    const ack = n % 20 === 3 ? 'synced' : n % 7 === 5 ? 'written' : usual
    const payload = { n, life: Number(life), pad: 'x'.repeat(n % 300) }
    const { offset, seq } = await broker.publish(topic, payload, { ack })
    if (offset !== n) throw new Error(`offset ${offset} for ${n}`)
    say(ack, topic, offset, seq)
  }
}

/** Acks out of order, and some never. */
async function work() {
  const member = broker.subscribe('topic.>', { group: 'workers', from: 'start' })
  let late
  for await (const message of member) {
    if (message.seq % 500 === 499) continue
    if (message.seq % 3 === 0 && late === undefined) {
      late = message
      continue
    }
    for (const done of [message, late]) {
      if (done === undefined) continue
      say('acking', done.seq)
      done.ack()
    }
    late = undefined
  }
}

/** A cursor is written a moment after it has moved; from the sync after that on it is there for good. */
async function watchCursor() {
  for (;;) {
    const { cursor } = (await broker.groups())[0]
    await pass(15)
    await broker.flush()
    say('cursor', cursor)
    await pass(100)
  }
}

const topics = Array.from({ length: Number(publishers) }, (_, index) => `topic.${index}`)
await Promise.all([work(), watchCursor(), ...topics.map(publish)])
