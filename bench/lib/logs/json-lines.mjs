import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { perTurn } from './per-turn.mjs'
import { textsOf, topic } from './records.mjs'

/** A file of JSON lines; one write and one sync for all lines of a turn. */
export const jsonLines = {
  name: 'JSON lines, grouped',
  open: (directory, size) => openFile(directory, size, true),
}

/** The same with a write and a sync for each line. */
export const jsonLinesEach = {
  name: 'JSON lines, one by one',
  open: (directory, size) => openFile(directory, size, false),
}

async function openFile(directory, size, grouped) {
  const texts = textsOf(size)
  const path = join(directory, 'log.jsonl')
  const file = await open(path, 'a')
  let next = 0
  const line = (i) => `${JSON.stringify({ seq: next++, topic, payload: texts[i & 255] })}\n`
  const store = async (text) => {
    await file.write(text)
    await file.datasync()
  }
  const group = perTurn((lines) => store(lines.join('')))
  let before = Promise.resolve()
  const one = (text) => (before = before.then(() => store(text)))
  return {
    publish: (i) => (grouped ? group(line(i)) : one(line(i))),
    async load(count) {
      const step = grouped ? Math.max(1, Math.floor((1024 * 1024) / size)) : 1
      for (let i = 0; i < count; i += step) {
        const length = Math.min(step, count - i)
        await store(Array.from({ length }, (_, at) => line(i + at)).join(''))
      }
    },
    replay: () => replay(path),
    close: () => file.close(),
  }
}

async function replay(path) {
  const file = await open(path, 'r')
  const chunk = Buffer.allocUnsafe(1024 * 1024)
  let rest = ''
  let records = 0
  let bytes = 0
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length)
    if (bytesRead === 0) break
    const lines = (rest + chunk.toString('latin1', 0, bytesRead)).split('\n')
    rest = lines.pop()
    for (const line of lines) bytes += JSON.parse(line).payload.length
    records += lines.length
  }
  await file.close()
  return { records, bytes }
}
