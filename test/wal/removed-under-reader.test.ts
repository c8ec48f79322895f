import { describe, expect, it } from 'vitest'
import { OffsetEvictedError } from '../../src/index.ts'
import type { DurableBroker } from '../../src/wal/contract.ts'
import { directory, openInline } from '../support/undo.ts'
import { rejection } from '../support/watch.ts'

const options = { segmentBytes: 8192, retention: { count: 400 } } as const

/** Appends in steps, each a batch: segments end between batches. */
async function fill(broker: DurableBroker, topic: string, count: number, step = count): Promise<void> {
  for (let n = 0; n < count; n++) {
    broker.topic(topic).append(`${topic} ${n} ${'x'.repeat(60)}`)
    if (n % step === step - 1) await broker.flush()
  }
}

/** A log that is read from its files: 390 messages of one topic, then ten of another. */
async function opened(): Promise<DurableBroker> {
  const dir = directory()
  const first = await openInline(dir, options)
  await fill(first, 'other', 390, 30)
  await fill(first, 'mine', 10)
  await first.close()
  return openInline(dir, options)
}

describe('a reader in a file that retention removes under it', () => {
  it('goes on with what is left when none of what is gone was for it', async () => {
    const broker = await opened()
    const reader = broker.subscribe('mine', { from: 'start' })
    const next = reader.next() // begins to read the oldest file, which is gone before it has been read
    await fill(broker, 'other', 300)

    expect(broker.topics().find(({ topic }) => topic === 'other')?.first).toBeGreaterThan(0)
    expect((await next).value).toMatchObject({ topic: 'mine', offset: 0 })
    for (let offset = 1; offset < 10; offset++)
      expect((await reader.next()).value).toMatchObject({ topic: 'mine', offset })
  })

  it('is told that what it has not read is evicted when it was for it', async () => {
    const broker = await opened()
    const reader = broker.subscribe('other', { from: 'start' })
    const next = reader.next()
    await fill(broker, 'other', 300)
    // What had been read before the file was removed may come first.
    const seen: unknown[] = []
    const reading = async (): Promise<void> => {
      seen.push((await next).value)
      for await (const message of reader) seen.push(message)
    }

    expect(await rejection(reading())).toBeInstanceOf(OffsetEvictedError)
    expect(seen.length).toBeLessThan(300)
  })
})
