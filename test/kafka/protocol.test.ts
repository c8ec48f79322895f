import { expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { uniqueName } from '../support/servers/shared.ts'
import { booksOf, engines, makeBroker, newTopic, numbers, ownsPartitions, publishAll } from './support.ts'

const [kafkajs, native] = engines

it('the newer protocol of groups shares and hands over partitions as the older one does', async () => {
  const consuming = { protocol: 'consumer' } as const
  const first = await makeBroker(native, { partitions: 2, consuming })
  const second = await makeBroker(native, { consuming })
  const [topic, group] = [newTopic(), uniqueName('g')]
  const seen: unknown[] = []
  const handler = ({ payload }: { readonly payload: unknown }): void => void seen.push(payload)
  await publishAll(first, topic, numbers(50), (n) => `k${n as number}`)
  first.subscribe(topic, handler, { group, from: 'start' })
  await eventually(() => seen.length === 50)

  second.subscribe(topic, handler, { group })
  await ownsPartitions(second, group, 1)
  await publishAll(first, topic, numbers(50), (n) => `k${n as number}`)
  await eventually(() => seen.length === 100)

  expect(booksOf(first, group).acked + booksOf(second, group).acked).toBe(100)
  expect(booksOf(second, group).acked).toBeGreaterThan(0)
})

it('is refused with the client that does not have it', async () => {
  await expect(makeBroker(kafkajs, { consuming: { protocol: 'consumer' } })).rejects.toMatchObject({
    code: 'SPW_INVALID_OPTION',
    option: 'consuming.protocol',
  })
})
