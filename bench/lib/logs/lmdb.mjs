import { loadPeer } from './peers.mjs'
import { valuesOf } from './records.mjs'

/** lmdb with its own batching by event turn; a put resolves when it is on the disk. */
export const lmdb = {
  name: 'lmdb',
  available: () => loadPeer('lmdb') !== undefined,
  async open(directory, size) {
    const values = valuesOf(size)
    const db = loadPeer('lmdb').open({
      path: directory,
      encoding: 'binary',
      keyEncoding: 'uint32',
      compression: false,
      noMemInit: true,
    })
    let next = db.getStats().entryCount
    return {
      publish: (i) => db.put(next++, values[i & 255]),
      async load(count) {
        const perTurn = Math.max(1, Math.floor((1024 * 1024) / size))
        const turns = []
        for (let i = 0; i < count;) {
          const end = Math.min(count, i + perTurn)
          let last
          for (; i < end; i++) last = db.put(next++, values[i & 255])
          turns.push(last)
          if (turns.length > 4) await turns.shift()
          else await new Promise(setImmediate)
        }
        await Promise.all(turns)
        await db.flushed
      },
      async replay() {
        let records = 0
        let bytes = 0
        for (const { value } of db.getRange()) {
          bytes += value.length
          records++
        }
        return { records, bytes }
      },
      seek: (number) => db.get(number).length,
      close: () => db.close(),
    }
  },
}
