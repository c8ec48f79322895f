import { expect, test } from 'vitest'
import { assertBalanced } from '../../src/index.ts'
import { directory, openInline } from '../support/undo.ts'

// Memory of the newest batches is used again in turn, and 2 MiB are kept.
const pad = 'y'.repeat(2000)

test('handlers that publish far more than is kept in memory get every message, whole and in order', async () => {
  const broker = await openInline(directory(), { sync: 'os', highWaterMark: 2 ** 30 })
  const seen: unknown[] = []
  const echoes = broker.topic('echoes')
  broker.subscribe(
    'calls',
    ({ payload }) => {
      seen.push(payload)
      for (let n = 0; n < 5; n++) echoes.append({ pad })
    },
    { capacity: 10_000 },
  )
  let heard = 0
  broker.subscribe('echoes', () => void heard++, { capacity: 100_000 })

  const calls = broker.topic('calls')
  for (let n = 0; n < 6000; n++) calls.append(n)
  await broker.flush()
  await broker.drain()

  expect(seen).toEqual(Array.from({ length: 6000 }, (_, n) => n))
  expect(heard).toBe(30_000)
  assertBalanced(broker.ledger())
})
