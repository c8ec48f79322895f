import { describe, expect, it } from 'vitest'
import { createBroker, type OverflowPolicy, type SubscribeOptions } from '../../src/index.ts'
import { losses, takeAll, turn, watch } from '../support/watch.ts'

interface Sized {
  readonly payload: { readonly bytes: number; readonly key?: string; readonly name?: string }
}

const tenBytes = { capacityBytes: 10, sizeOf: (message: Sized) => message.payload.bytes }

function sized(...sizes: readonly number[]): { bytes: number }[] {
  return sizes.map((bytes) => ({ bytes }))
}

describe('capacityBytes', () => {
  it('drop-newest keeps as many as fit', async () => {
    const broker = createBroker()
    const reader = broker.subscribe('t', tenBytes)

    for (const payload of sized(4, 4, 4, 2)) await broker.publish('t', payload)

    expect(takeAll(reader)).toEqual(sized(4, 4, 2))
    expect(losses(reader.ledger())).toEqual({ 'buffer-full': 1 })
  })

  it('drop-oldest drops as many as the new copy needs', async () => {
    const broker = createBroker()
    const reader = broker.subscribe('t', { ...tenBytes, overflow: 'drop-oldest' })

    for (const payload of sized(3, 3, 3, 7)) await broker.publish('t', payload)

    expect(takeAll(reader)).toEqual(sized(3, 7))
    expect(losses(reader.ledger())).toEqual({ 'evicted-oldest': 2 })
  })

  it('frees the bytes of what is taken, singly or in batches', async () => {
    const broker = createBroker()
    const reader = broker.subscribe('t', tenBytes)
    const batches = reader.batches()

    for (let round = 0; round < 3; round++) {
      for (const payload of sized(5, 5, 1)) await broker.publish('t', payload)
      const { value } = await batches.next()
      expect(value?.map((message) => message.payload)).toEqual(sized(5, 5))
      await broker.publish('t', { bytes: 10 })
      expect(reader.poll()?.payload).toEqual({ bytes: 10 })
    }
  })

  it('limits the number as well when both are given', async () => {
    const broker = createBroker()
    const reader = broker.subscribe('t', { ...tenBytes, capacity: 2 })

    for (const payload of sized(1, 1, 1)) await broker.publish('t', payload)

    expect(reader.pending).toBe(2)
  })

  it.each<[OverflowPolicy, boolean]>([
    ['drop-newest', false],
    ['drop-oldest', false],
    ['latest', false],
    ['disconnect', false],
    ['block', true],
    ['fail', true],
  ])('%s drops what would not fit into an empty mailbox; rejects: %s', async (overflow, rejects) => {
    const broker = createBroker()
    const key = overflow === 'latest' ? { key: () => 'k' } : {}
    const reader = broker.subscribe('t', { ...tenBytes, ...key, overflow } as SubscribeOptions)
    await broker.publish('t', { bytes: 1 })

    const publish = watch(broker.publish('t', { bytes: 11 }))
    await turn()

    const refusal = { code: 'SPW_MAILBOX_FULL', subscriptions: [{ id: reader.id }] }
    expect(publish).toMatchObject(rejects ? { error: refusal } : { value: { routed: true } })
    expect(reader.ledger()).toMatchObject({ routed: 2, pending: 1, dropped: { 'too-large': 1 } })
    expect(reader.closed).toBe(false)
  })

  it('takes a failing or senseless sizeOf for a copy that does not fit, and tells the observer', async () => {
    const failures: string[] = []
    const broker = createBroker({ observer: { callbackError: ({ callback }) => failures.push(callback) } })
    const sizes = [
      () => {
        throw new Error('sizeOf')
      },
      () => -1,
      () => Number.NaN,
    ]
    const readers = sizes.map((sizeOf) => broker.subscribe('t', { capacityBytes: 10, sizeOf }))

    await expect(broker.publish('t', 1)).resolves.toMatchObject({ routed: true })

    expect(readers.map((reader) => losses(reader.ledger()))).toEqual(readers.map(() => ({ 'too-large': 1 })))
    expect(failures).toEqual(['sizeOf', 'sizeOf', 'sizeOf'])
  })

  it('admits waiting publishers in order, and those behind one that gives up', async () => {
    const broker = createBroker()
    const controller = new AbortController()
    const reader = broker.subscribe('t', { ...tenBytes, overflow: 'block' })
    await broker.publish('t', { bytes: 5 })

    const large = watch(broker.publish('t', { bytes: 8 }, { signal: controller.signal }))
    const small = watch(broker.publish('t', { bytes: 3 }))
    await turn()
    expect([large.state, small.state]).toEqual(['pending', 'pending'])

    controller.abort(new Error('enough'))
    await turn()
    expect(large.state).toBe('rejected')
    expect(small.state).toBe('resolved')
    expect(takeAll(reader)).toEqual(sized(5, 3))
  })

  it('latest makes room when a copy is replaced by a larger one', async () => {
    const broker = createBroker()
    const key = (message: Sized): unknown => message.payload.key
    const reader = broker.subscribe('t', { ...tenBytes, overflow: 'latest', key })
    await broker.publish('t', { key: 'a', bytes: 8 })
    await broker.publish('t', { key: 'b', bytes: 2 })

    await broker.publish('t', { key: 'b', bytes: 9 })

    expect(takeAll(reader)).toEqual([{ key: 'b', bytes: 9 }])
    expect(losses(reader.ledger())).toEqual({ superseded: 1, 'evicted-oldest': 1 })
  })
})

describe('the key of latest', () => {
  it('compares as a Map does: NaN equals itself, 0 and -0 are one, objects by identity', async () => {
    const broker = createBroker()
    const reader = broker.subscribe('t', { overflow: 'latest', key: (message) => message.payload })

    for (const payload of [Number.NaN, 0, {}, -0, {}, Number.NaN]) await broker.publish('t', payload)

    expect(takeAll(reader)).toEqual([Number.NaN, -0, {}, {}])
    expect(losses(reader.ledger())).toEqual({ superseded: 2 })
  })

  it('does not confuse a copy that has been taken with one that is pending', async () => {
    const broker = createBroker()
    const key = (message: Sized): unknown => message.payload.key
    const reader = broker.subscribe('t', { overflow: 'latest', capacity: 3, key })
    const publish = (key: string, name: string) => broker.publish('t', { bytes: 1, key, name })
    const names = () => takeAll<Sized['payload']>(reader).map(({ name }) => name)

    await publish('a', 'a1')
    await publish('b', 'b1')
    expect(reader.poll()?.payload).toMatchObject({ name: 'a1' })
    await publish('a', 'a2')
    await publish('b', 'b2')
    expect(names()).toEqual(['b2', 'a2'])

    for (const each of ['a', 'b', 'c', 'd']) await publish(each, `${each}3`)
    await publish('a', 'a4')
    expect(names()).toEqual(['c3', 'd3', 'a4'])
  })

  it('that throws makes the copy nobody else’s and tells the observer', async () => {
    const failures: string[] = []
    const broker = createBroker({ observer: { callbackError: ({ callback }) => failures.push(callback) } })
    const key = (): unknown => {
      throw new Error('key')
    }
    const reader = broker.subscribe('t', { overflow: 'latest', capacity: 2, key })

    for (const n of [1, 2, 3]) await broker.publish('t', n)

    expect(takeAll(reader)).toEqual([2, 3])
    expect(failures).toEqual(['key', 'key', 'key'])
  })
})
