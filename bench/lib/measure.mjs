// Times contestants side by side: every round runs each of them once, in rotated order, so that a noisy
// moment hits all of them and their ratios stay true. Time is processor time: while a neighbour has the core,
// no time passes.

const rounds = 15
const roundMs = 10
const warmUpMs = 120

/**
 * A contestant is `{ name, run, delivers, step, wants }`. `run(count)` publishes `count` messages, a multiple
 * of `step`; each is delivered `delivers` times; `wants(count)` is what the handlers must have added up to.
 */
export async function measure(contestants, sink) {
  const racers = []
  for (const contestant of contestants) racers.push(await prepare(contestant, sink))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < racers.length; turn++) await race(racers[(round + turn) % racers.length])
  }
  return racers.map(({ name, samples }) => ({ name, samples }))
}

async function prepare({ name, run, delivers = 1, step = 256, wants }, sink) {
  if (wants !== undefined) await check(name, run, step, wants, sink)
  let count = step
  let perRound = step
  for (let spent = 0; spent < warmUpMs;) {
    const taken = await timed(run, count)
    spent += taken
    perRound = Math.max(step, Math.round((count * roundMs) / taken / step) * step)
    count = Math.min(perRound, count * 4)
  }
  return { name, run, count: perRound, deliveries: perRound * delivers, samples: [] }
}

/** A benchmark of something that does not work would be fast. */
async function check(name, run, step, wants, sink) {
  sink.sum = 0
  await run(step)
  const wanted = wants(step) | 0
  if (sink.sum !== wanted) throw new Error(`${name} delivered ${sink.sum}, not ${wanted}`)
}

async function race(racer) {
  globalThis.gc?.({ type: 'minor' }) // one contestant's garbage is not the next one's business
  racer.samples.push(((await timed(racer.run, racer.count)) * 1e6) / racer.deliveries)
}

async function timed(run, count) {
  const since = process.cpuUsage()
  const promise = run(count)
  if (promise !== undefined) await promise
  const { user, system } = process.cpuUsage(since)
  return Math.max(user + system, 1) / 1000
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
