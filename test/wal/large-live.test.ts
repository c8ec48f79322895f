import { expect, test } from 'vitest'
import { directory, openInline } from '../support/undo.ts'

test('live subscriptions get large messages, one after the other, whole and at once', async () => {
  const broker = await openInline(directory(), { segmentBytes: 65_536 })
  const sizes: number[] = []
  broker.subscribe('images', ({ payload }) => void sizes.push((payload as Uint8Array).length))

  const sent = Array.from({ length: 12 }, (_, n) => (n % 3 === 0 ? 10 : 700_000 + n))
  for (const size of sent) await broker.publish('images', new Uint8Array(size))

  await broker.drain()
  expect(sizes).toEqual(sent)
})
