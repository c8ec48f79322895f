// Publishers that each wait until their message is on the disk before they publish the next one.

import { median } from '../measure.mjs'
import { figure } from '../table.mjs'
import { inRounds, openAll, quantile } from './rounds.mjs'

const roundMs = 250

/** Rows of ns per ack, with the latencies of every round beside them. */
export async function ackRows(stores, size, publishers) {
  const opened = await openAll(stores, size)
  for (const each of opened) await acks(each.store, publishers) // warm up
  const results = await inRounds(opened, ({ store }) => acks(store, publishers))
  for (const { store } of opened) await store.close()
  return opened.map(({ name }, at) => {
    const p50 = results[at].map((result) => result.p50)
    const p99 = results[at].map((result) => result.p99)
    const samples = results[at].map((result) => result.nsPerAck)
    const columns = {
      'acks/s': figure(1e9 / median(samples)),
      'p50 ms': figure(median(p50)),
      'p99 ms': figure(median(p99)),
    }
    return { name, samples, p50, p99, columns }
  })
}

async function acks(store, publishers) {
  // One publisher of the floor waits for the disk and for nothing else.
  const publish = (publishers === 1 && store.publishNow) || store.publish
  const latencies = []
  const until = performance.now() + roundMs
  let count = 0
  const started = performance.now()
  const untimed = async (first) => {
    for (let i = first; performance.now() < until; i++) {
      await publish(i)
      count++
    }
  }
  const timed = async (first) => {
    let before = performance.now()
    for (let i = first; before < until; i++) {
      await publish(i)
      count++
      const now = performance.now()
      latencies.push(now - before)
      before = now
    }
  }
  // Where there are many, a tenth of them tells how long all of them wait.
  const stride = publishers >= 100 ? 10 : 1
  await Promise.all(Array.from({ length: publishers }, (_, i) => (i % stride === 0 ? timed(i) : untimed(i))))
  const took = performance.now() - started
  return { nsPerAck: (took * 1e6) / count, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
}
