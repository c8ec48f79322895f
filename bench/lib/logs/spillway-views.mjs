// The same log one layer below the broker: what a reader costs that looks at records where they lie and makes
// nothing of them. Not part of the public interface, so it is taken from the files of the package.

import { openSpillway } from './spillway.mjs'

const dist = new URL('../../../dist/wal/', import.meta.url)

export const spillwayViews = {
  name: 'spillway, views',
  async open(directory, size) {
    const { Log } = await import(new URL('store/log.js', dist))
    const { logSettings } = await import(new URL('store/open-options.js', dist))
    let log
    return {
      async load(count) {
        const store = await openSpillway(directory, size)
        await store.load(count)
        await store.close()
        log = await Log.open(directory, logSettings({}), { visible() {}, evicted() {} })
      },
      replay: () => replay(log),
      close: () => log?.close(),
    }
  },
}

async function replay(log) {
  const reader = log.reader(log.startSeq)
  const { cursor } = reader
  let records = 0
  let bytes = 0
  for (;;) {
    let header = reader.next()
    if (header instanceof Promise) header = await header
    if (header === undefined) return { records, bytes }
    while (cursor.advance()) {
      bytes += cursor.valueEnd - cursor.valueAt
      records++
    }
  }
}
