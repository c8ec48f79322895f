// How fast the machine is at the moment, in terms of things no library can change.

import { measure, median } from './measure.mjs'

/** Nanoseconds to await a resolved promise, and to make an object that outlives its maker. */
export async function machineSpeed() {
  const rows = await measure([
    { name: 'await', run: awaited },
    { name: 'object', run: made },
  ])
  const [awaitNs, objectNs] = rows.map(({ samples }) => median(samples))
  return { awaitNs, objectNs }
}

const resolved = Promise.resolve()

async function awaited(count) {
  for (let i = 0; i < count; i++) await resolved
}

const kept = new Array(1024)

function made(count) {
  for (let i = 0; i < count; i++) kept[i & 1023] = { topic: 'orders.created', payload: kept, number: i }
}
