import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { assertBalanced, createBroker, type Observer, type PayloadSchema } from '../../src/index.ts'
import { Gate, range, takeAll, turn, watch } from '../support/watch.ts'

// Each of these broke once.

describe('a handler', () => {
  it('may throw what cannot be shown', async () => {
    const broker = createBroker()
    const seen: unknown[] = []
    broker.subscribe('t', () => {
      throw Object.create(null)
    })
    broker.subscribe('t', ({ payload }) => void seen.push(payload))

    for (const n of range(0, 3)) await broker.publish('t', n)

    expect(seen).toEqual([0, 1, 2])
  })

  it('may return a thenable that works only when it is asked: it is asked once', async () => {
    const broker = createBroker()
    let asked = 0
    const lazy = {
      // oxlint-disable-next-line unicorn/no-thenable -- query builders are like this
      then(resolve: (value: undefined) => void): void {
        asked++
        resolve(undefined)
      },
    }
    broker.subscribe('t', () => lazy, { overflow: 'block' })

    await broker.publish('t', 1)
    await turn()

    expect(asked).toBe(1)
  })

  it('subscribed twice keeps its copies when the other subscription of it drains and closes', async () => {
    const broker = createBroker()
    const gate = new Gate()
    const seen: unknown[] = []
    const handler = ({ payload }: { payload: unknown }): Promise<void> | undefined => {
      seen.push(payload)
      return payload === 0 ? gate.opened : undefined
    }
    broker.subscribe('t', ({ payload }) => {
      if (payload === 1) first.close()
    })
    const first = broker.subscribe('t', handler)
    await broker.publish('t', 0)
    void first.drain()
    const second = broker.subscribe('t', handler)

    await broker.publish('t', 1)

    expect(seen).toEqual([0, 1])
    expect(second.ledger()).toMatchObject({ routed: 1, delivered: 1 })
    gate.open()
    await turn()
    assertBalanced(broker.ledger())
  })
})

describe('bytes', () => {
  it('in fractions add up to nothing when nothing is inside', async () => {
    const broker = createBroker()
    const sizeOf = ({ payload }: { payload: number }): number => payload
    const reader = broker.subscribe('t', { overflow: 'drop-oldest', capacityBytes: 1, sizeOf })
    for (const size of [0.1, 0.2, 0.3, 0.17]) await broker.publish('t', size)
    takeAll(reader)

    await broker.publish('t', 1)

    expect(takeAll(reader)).toEqual([1])
  })

  it('of one message that no mailbox of a subscription could hold refuse whoever waits for it', async () => {
    const broker = createBroker()
    broker.subscribe('t', { capacityBytes: 1, sizeOf: () => 2 })

    await expect(broker.publishAndWait('t', 1)).rejects.toMatchObject({ code: 'SPW_MAILBOX_FULL' })
  })

  it('that many watched copies held are given back in linear time', async () => {
    const broker = createBroker()
    let lost = 0
    const reader = broker.subscribe('t', { capacity: 100_000, onDrop: () => lost++ })
    for (const n of range(0, 100_000)) void broker.publish('t', n)

    reader.close() // took longer than a test may

    expect(lost).toBe(100_000)
  })
})

describe('a group', () => {
  it('hands over what it has taken before the callbacks that this causes close its handler', async () => {
    const broker = createBroker()
    const seen: unknown[] = []
    const gate = new Gate()
    const handler = broker.subscribe(
      't',
      async ({ payload }) => {
        seen.push(payload)
        await gate.opened
      },
      { group: 'g', overflow: 'block', capacity: 1 },
    )
    broker.observe({ unblocked: () => handler.close() })
    const publishes = range(0, 3).map((n) => watch(broker.publish('t', n)))
    gate.open()
    await turn()

    expect(seen).toEqual([0, 1])
    expect(publishes.every(({ state }) => state !== 'pending')).toBe(true)
    expect(broker.ledger().ended).toMatchObject({ delivered: 2 })
    assertBalanced(broker.ledger())
  })

  it('is drained by its last member', async () => {
    const broker = createBroker()
    const seen: unknown[] = []
    const worker = broker.subscribe(
      't',
      async ({ payload }) => {
        await turn()
        seen.push(payload)
      },
      { group: 'g' },
    )
    for (const n of range(0, 5)) await broker.publish('t', n)

    await worker.drain()

    expect(seen).toEqual(range(0, 5))
  })
})

describe('publish', () => {
  it('refuses a signal that is none, and leaves nothing waiting', async () => {
    const broker = createBroker()
    const reader = broker.subscribe('t', { overflow: 'block', capacity: 1 })
    await broker.publish('t', 1)
    const signal = new AbortController() as unknown as AbortSignal

    await expect(broker.publish('t', 2, { signal })).rejects.toMatchObject({ option: 'signal' })
    expect(reader.ledger()).toMatchObject({ routed: 1, waiting: 0 })
  })

  it('adds one listener to a signal however many publishes wait for it', async () => {
    const broker = createBroker()
    broker.subscribe('t', { overflow: 'block', capacity: 1 })
    const { signal } = new AbortController()
    for (const n of range(0, 30)) void broker.publish('t', n, { signal }).catch(() => undefined)

    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await broker.close()
    await turn()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it.each([['text'], [new Map([['a', 'b']])], [{ a: 1 }]])('refuses %j for headers', async (headers) => {
    const broker = createBroker()
    broker.subscribe('t')

    const refused = broker.publish('t', 1, { headers: headers as unknown as Record<string, string> })

    await expect(refused).rejects.toMatchObject({ code: 'SPW_INVALID_OPTION' })
    expect(broker.ledger()).toMatchObject({ published: 0, copies: 0 })
  })

  it('waits for the promise of a schema, whoever made it', async () => {
    const failed = { issues: [{ message: 'never' }] }
    // oxlint-disable-next-line unicorn/no-thenable -- a promise of another library
    const foreign = { then: (resolve: (result: unknown) => void): void => resolve(failed) }
    const validate = (() => foreign) as unknown as PayloadSchema['~standard']['validate']
    const broker = createBroker({ schemas: { t: { '~standard': { version: 1, vendor: 'test', validate } } } })
    const reader = broker.subscribe('t')

    await expect(broker.publish('t', 1)).rejects.toMatchObject({ code: 'SPW_PAYLOAD_INVALID' })
    expect(reader.pending).toBe(0)
  })
})

it('an observer keeps its state, and may be an instance of a class', async () => {
  class Counter implements Observer {
    heard = 0
    unrouted(): void {
      this.heard++
    }
  }
  const counter = new Counter()
  const broker = createBroker({ observer: counter })

  await broker.publish('nobody', 1)

  expect(counter.heard).toBe(1)
})

it('calls of next are served in order, also one made between the message and the one before', async () => {
  const broker = createBroker()
  const reader = broker.subscribe('t')

  const first = reader.next()
  void broker.publish('t', 1)
  const second = reader.next()
  void broker.publish('t', 2)

  expect((await first).value?.payload).toBe(1)
  expect((await second).value?.payload).toBe(2)
})

it('a drain that gives up on a call is not complete', async () => {
  const broker = createBroker()
  broker.subscribe('t', () => new Promise(() => undefined))
  await broker.publish('t', 1)

  await expect(broker.drain({ timeoutMs: 5 })).resolves.toMatchObject({ complete: false, dropped: 0 })
})
