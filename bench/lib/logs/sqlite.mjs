import { join } from 'node:path'
import { loadPeer } from './peers.mjs'
import { valuesOf } from './records.mjs'
import { perTurn } from './per-turn.mjs'

/** better-sqlite3, WAL, synchronous = FULL, one transaction per turn of the event loop; it blocks that loop. */
export const sqlite = {
  name: 'better-sqlite3',
  available: () => loadPeer('better-sqlite3') !== undefined,
  async open(directory, size) {
    const values = valuesOf(size)
    const Database = loadPeer('better-sqlite3')
    const db = new Database(join(directory, 'log.db'))
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.exec('CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, value BLOB NOT NULL)')
    const insert = db.prepare('INSERT INTO log (value) VALUES (?)')
    const select = db.prepare('SELECT value FROM log WHERE id = ?')
    const store = db.transaction((items) => {
      for (const item of items) insert.run(item)
    })
    const publish = perTurn(async (items) => store(items))
    const loadSome = db.transaction((from, to) => {
      for (let i = from; i < to; i++) insert.run(values[i & 255])
    })
    return {
      publish: (i) => publish(values[i & 255]),
      async load(count) {
        const step = Math.max(1, Math.floor((1024 * 1024) / size))
        for (let i = 0; i < count; i += step) loadSome(i, Math.min(count, i + step))
      },
      async replay() {
        let records = 0
        let bytes = 0
        for (const { value } of db.prepare('SELECT id, value FROM log ORDER BY id').iterate()) {
          bytes += value.length
          records++
        }
        return { records, bytes }
      },
      seek: (number) => select.get(number + 1).value.length,
      close: () => db.close(),
    }
  },
}
