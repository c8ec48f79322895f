// The stores by their common face: `{ name, open(directory, size) }`, where `open` resolves to
//
//     publish(i)    stores value i; resolves when it is on the disk
//     load(count)   stores that many as fast as the store can; resolves when all are on the disk
//     replay()      reads everything from the start; resolves to { records, bytes }
//     seek(number)  the length of the value with that number; a promise where the store has no other way
//     close()

import { jsonLines, jsonLinesEach } from './json-lines.mjs'
import { level } from './level.mjs'
import { lmdb } from './lmdb.mjs'
import { installPeers } from './peers.mjs'
import { rawDisk, rawDiskAppend } from './raw-disk.mjs'
import { spillway } from './spillway.mjs'
import { sqlite } from './sqlite.mjs'

const isChild = process.send !== undefined || process.argv.includes('--case')
if (!isChild) installPeers()

const databases = [lmdb, sqlite, level].filter(({ name, available }) => {
  const there = available()
  if (!there && !isChild) console.error(`${name} does not work here: left out`)
  return there
})

/** Ours, the floor, then the peers that work on this machine. */
export { rawDisk, rawDiskAppend }
export const stores = [spillway, rawDisk, ...databases, jsonLines, jsonLinesEach]

/** Those that keep what they are given, so that it can be read again. */
export const realStores = [spillway, ...databases, jsonLines]
