import { type DurableBroker, type StoredMessage } from '../../src/wal/index.ts'
import { RecordCursor } from '../../src/wal/format/batch-reader.ts'
import type { FileSystem } from '../../src/wal/fs/file-system.ts'
import { walkLog } from '../../src/wal/tools/walk-log.ts'

export interface Line {
  readonly topic: string
  readonly offset: number
  readonly seq: number
  readonly key: string | undefined
  readonly payload: unknown
}

export const lineOf = ({ key, offset, payload, seq, topic }: StoredMessage): Line => ({
  topic,
  offset,
  seq,
  key,
  payload,
})

/** Everything from a position to the end. */
export async function readAll(
  broker: Pick<DurableBroker, 'subscribe'>,
  pattern = '>',
  from: 'start' | number = 'start',
): Promise<Line[]> {
  const subscription = broker.subscribe(pattern, { from })
  void subscription.drain()
  const got: Line[] = []
  for await (const message of subscription) got.push(lineOf(message as StoredMessage))
  return got
}

/** What must be left of `all` when the last seen segments are not touched. */
export function survivors(all: readonly Line[], before: number): readonly Line[] {
  const newest = new Map<string, number>()
  for (const { key, seq, topic } of all) if (key !== undefined) newest.set(`${topic} ${key}`, seq)
  return all.filter(
    ({ key, seq, topic }) =>
      seq >= before ||
      key === undefined ||
      topic.startsWith('plain') ||
      newest.get(`${topic} ${key}`) === seq,
  )
}

export const compaction: { readonly topics: readonly string[] } = { topics: ['users.*'] }

export async function publishKeyed(
  broker: DurableBroker,
  from: number,
  to: number,
  next: () => number,
): Promise<void> {
  const publishing: Promise<unknown>[] = []
  for (let n = from; n < to; n++) {
    if (publishing.length === 20) await Promise.all(publishing.splice(0))
    const topic = next() < 0.5 ? 'users.a' : next() < 0.5 ? 'users.b' : 'plain.c'
    const key = next() < 0.1 ? undefined : `k${Math.floor(next() * 12)}`
    publishing.push(
      broker.publish(
        topic,
        { n, pad: 'x'.repeat(40) },
        {
          ...(key === undefined ? {} : { key }),
          ...(next() < 0.2 ? { headers: { h: `${n}` } } : {}),
          ...(next() < 0.2 ? { producer: { id: 'p', sequence: n } } : {}),
        },
      ),
    )
  }
  await Promise.all(publishing)
}

export function assertSound(fs: FileSystem, dir: string): void {
  for (const finding of walkLog(fs, dir))
    if (finding.kind === 'damage') throw new Error(`damage: ${JSON.stringify(finding.damage)}`)
}

/** The messages of users in the files. */
export function recordsIn(fs: FileSystem, dir: string): Line[] {
  const lines: Line[] = []
  const cursor = new RecordCursor()
  for (const finding of walkLog(fs, dir)) {
    if (finding.kind !== 'batch' || finding.batch.header.recordCount === 0) continue
    const { at, buffer, header, view } = finding.batch
    cursor.open(buffer, view, at, header)
    while (cursor.advance()) {
      const { offset, seq, topic } = cursor
      const payload = buffer.toString('utf8', cursor.valueAt, cursor.valueEnd)
      if (!topic.startsWith('$')) lines.push({ topic, offset, seq, key: undefined, payload })
    }
  }
  return lines
}
