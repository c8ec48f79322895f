// Measures stores side by side by the clock on the wall: unlike the other benchmarks these wait for a disk, and
// that is the point. Every round runs each contestant once, in rotated order.

import { newDirectory } from './directory.mjs'

export const rounds = 5

/** Calls `run(contestant, round)` for each contestant in each round; resolves to what it returned, by contestant. */
export async function inRounds(contestants, run) {
  const results = contestants.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const at = (round + turn) % contestants.length
      globalThis.gc?.({ type: 'minor' })
      results[at].push(await run(contestants[at], round))
    }
  }
  return results
}

/** The `share` of `numbers` that lies below the result. */
export function quantile(numbers, share) {
  const sorted = Float64Array.from(numbers).toSorted()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

/** Opens every store in a folder of its own. */
export async function openAll(stores, size) {
  const opened = []
  for (const { name, open } of stores) opened.push({ name, store: await open(newDirectory(name), size) })
  return opened
}
