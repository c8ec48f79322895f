// A process that loads one store and says how much memory it took at most.
//
//     fork('load-once.mjs', [name, directory, size])

import { storeNamed } from './one-store.mjs'

const loadBytes = 100_000_000
const [name, directory, size] = process.argv.slice(2)
const store = await (await storeNamed(name)).open(directory, Number(size))
// Slow stores get less to do: their memory has grown by then.
const until = performance.now() + 4000
const perLoad = Math.floor(10_000_000 / Number(size))
for (let bytes = 0; bytes < loadBytes && performance.now() < until; bytes += 10_000_000)
  await store.load(perLoad)
await new Promise((resolve) => process.send((process.resourceUsage().maxRSS * 1024) / 1e6, resolve))
process.exit()
