import { join } from 'node:path'
import { loadPeer } from './peers.mjs'
import { perTurn } from './per-turn.mjs'
import { valuesOf } from './records.mjs'

/** classic-level: one synced batch at a time, which takes all that has been published meanwhile. */
export const level = {
  name: 'classic-level',
  available: () => loadPeer('classic-level') !== undefined,
  async open(directory, size) {
    const values = valuesOf(size)
    const { ClassicLevel } = loadPeer('classic-level')
    const db = new ClassicLevel(join(directory, 'db'), { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    await db.open()
    let next = (await lastOf(db)) + 1
    const put = (value) => ({ type: 'put', key: keyOf(next++), value })
    const publish = perTurn((items) => db.batch(items.map(put), { sync: true }))
    return {
      publish: (i) => publish(values[i & 255]),
      async load(count) {
        const step = Math.max(1, Math.floor((1024 * 1024) / size))
        for (let i = 0; i < count; i += step) {
          const length = Math.min(step, count - i)
          const items = Array.from({ length }, (_, at) => put(values[(i + at) & 255]))
          await db.batch(items, { sync: true })
        }
      },
      async replay() {
        let records = 0
        let bytes = 0
        const iterator = db.iterator()
        for (;;) {
          const entries = await iterator.nextv(1000)
          if (entries.length === 0) break
          for (const [, value] of entries) bytes += value.length
          records += entries.length
        }
        await iterator.close()
        return { records, bytes }
      },
      seek: async (number) => (await db.get(keyOf(number))).length,
      close: () => db.close(),
    }
  },
}

function keyOf(number) {
  const key = Buffer.allocUnsafe(4)
  key.writeUInt32BE(number)
  return key
}

async function lastOf(db) {
  for await (const key of db.keys({ reverse: true, limit: 1 })) return key.readUInt32BE()
  return -1
}
