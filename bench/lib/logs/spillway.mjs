import { openDurableBroker } from 'spillway/wal'
import { topic, valuesOf } from './records.mjs'

// One flush per so many bytes, and at most so many flushes ahead of the disk.
const flushBytes = 1024 * 1024
const ahead = 2

/** Ours, as a program uses it. */
export const spillway = { name: 'spillway', open: (directory, size) => openSpillway(directory, size) }

export async function openSpillway(directory, size, options = {}) {
  const values = valuesOf(size)
  const broker = await openDurableBroker(directory, options)
  const publisher = broker.topic(topic)
  return {
    publish: (i) => publisher.publish(values[i & 255]),
    load: (count) => load(broker, publisher, values, count, size),
    replay: () => replay(broker),
    seek: (number) => seek(broker, number),
    close: () => broker.close(),
  }
}

async function load(broker, publisher, values, count, size) {
  const perFlush = Math.max(1, Math.floor(flushBytes / size))
  const flushes = []
  for (let i = 0; i < count;) {
    const end = Math.min(count, i + perFlush)
    for (; i < end; i++) publisher.append(values[i & 255])
    flushes.push(broker.flush())
    if (flushes.length > ahead) await flushes.shift()
  }
  await Promise.all(flushes)
}

async function replay(broker) {
  const { next } = broker.topics().find((each) => each.topic === topic)
  const subscription = broker.subscribe(topic, { from: 'start' })
  let records = 0
  let bytes = 0
  for await (const batch of subscription.batches({ max: 1024 })) {
    for (const { payload } of batch) bytes += payload.length
    records += batch.length
    if (records >= next) break
  }
  return { records, bytes }
}

async function seek(broker, number) {
  const subscription = broker.subscribe(topic, { from: number })
  const { value } = await subscription.next()
  subscription.close()
  return value.payload.length
}
