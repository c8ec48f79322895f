// A process that opens one store once: stores what it is told to, says how long opening took, and then either
// closes it or ends the way a crash would end it.
//
//     fork('open-once.mjs', [name, directory, size, count, 'close' | 'crash'])

import { realStores } from './stores.mjs'

const [name, directory, size, count, end] = process.argv.slice(2)
const contestant = realStores.find((each) => each.name === name)

await new Promise((resolve) => setTimeout(resolve, 50)) // until the process has settled
globalThis.gc?.()
const memoryBefore = process.memoryUsage.rss()
const before = performance.now()
const store = await contestant.open(directory, Number(size))
if (name.startsWith('JSON')) await store.replay() // there is no other way to learn where it ends
const ms = performance.now() - before
const megabytes = Math.max(0, process.memoryUsage.rss() - memoryBefore) / 1e6
await store.load(Number(count))
if (end === 'close') await store.close()
await new Promise((resolve) => process.send({ ms, megabytes }, resolve))
process.kill(process.pid, 'SIGKILL')
