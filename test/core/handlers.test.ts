import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  assertBalanced,
  createBroker,
  type HandlerOptions,
  type HandlerSubscription,
  type MemoryBroker,
} from '../../src/index.ts'
import { Gate, range, turn } from '../support/watch.ts'

let broker: MemoryBroker
let failures: unknown[]
let unhandled: unknown[]
const note = (error: unknown): void => void unhandled.push(error)

beforeEach(() => {
  failures = []
  unhandled = []
  process.on('unhandledRejection', note)
  broker = createBroker({ observer: { handlerError: ({ error }) => failures.push(error) } })
})

afterEach(async () => {
  await broker.close()
  assertBalanced(broker.ledger())
  await turn()
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

/** Rejects as a promise would, and is none. */
function thenable(error: Error): object {
  // oxlint-disable-next-line unicorn/no-thenable -- that is the point
  return { then: (_: unknown, reject: (error: unknown) => void) => reject(error) }
}

const ways: readonly (readonly [string, HandlerOptions])[] = [
  ['direct', {}],
  ['queued', { delivery: 'queued' }],
  ['block', { overflow: 'block' }],
  ['group', { group: 'g' }],
]

describe.each(ways)('a %s handler', (_, options) => {
  it('gets every message in order', async () => {
    const seen: unknown[] = []
    broker.subscribe('t', ({ payload }) => void seen.push(payload), options)

    for (const n of range(0, 5)) await broker.publish('t', n)
    await turn()

    expect(seen).toEqual(range(0, 5))
  })

  it('that throws or rejects does not hurt the publisher or the others; the observer hears it', async () => {
    const seen: unknown[] = []
    const errors = [new Error('thrown'), new Error('rejected'), new Error('of a thenable')] as const
    broker.subscribe(
      't',
      ({ payload }) => {
        if (payload === 0) throw errors[0]
        if (payload === 1) return Promise.reject(errors[1])
        if (payload === 2) return thenable(errors[2])
        return undefined
      },
      options,
    )
    broker.subscribe('t', ({ payload }) => void seen.push(payload))

    for (const n of range(0, 4)) {
      await expect(broker.publish('t', n)).resolves.toEqual({ level: 'accepted', routed: true })
      await turn()
    }

    expect(failures).toEqual(errors)
    expect(seen).toEqual(range(0, 4))
    expect(broker.ledger().mailboxes.map(({ delivered }) => delivered)).toEqual([4, 4])
  })

  it('that is async runs one call at a time, in order', async () => {
    const log: string[] = []
    let gate = new Gate()
    broker.subscribe(
      't',
      async ({ payload }) => {
        log.push(`begin ${payload}`)
        await gate.opened
        log.push(`end ${payload}`)
      },
      options,
    )

    for (const n of range(0, 3)) await broker.publish('t', n)
    for (const n of range(0, 3)) {
      await turn()
      expect(log.at(-1)).toBe(`begin ${n}`)
      const { open } = gate
      gate = new Gate()
      open()
    }
    await turn()

    expect(log).toEqual(['begin 0', 'end 0', 'begin 1', 'end 1', 'begin 2', 'end 2'])
  })

  it('runs up to its concurrency at once', async () => {
    const gates: Gate[] = []
    broker.subscribe(
      't',
      () => {
        const gate = new Gate()
        gates.push(gate)
        return gate.opened
      },
      { ...options, concurrency: 3 },
    )

    for (const n of range(0, 7)) await broker.publish('t', n)
    await turn()
    expect(gates).toHaveLength(3)
    gates[1]?.open()
    await turn()
    expect(gates).toHaveLength(4)
    for (const gate of gates) gate.open()
    await turn()
    expect(gates).toHaveLength(7)
  })

  it('that closes itself and then fails is heard by the observer', async () => {
    const errors = [new Error('thrown'), new Error('rejected')]
    const subscriptions: HandlerSubscription[] = []
    for (const error of errors) {
      const [topic, group] = [error.message, options.group === undefined ? {} : { group: error.message }]
      const own = broker.subscribe(
        topic,
        () => {
          own.close()
          if (error === errors[0]) throw error
          return Promise.reject(error)
        },
        { ...options, ...group },
      )
      subscriptions.push(own)
      await broker.publish(topic, 1)
    }
    await turn()

    expect(failures).toEqual(errors)
    expect(subscriptions.map((each) => each.ledger().delivered)).toEqual([1, 1])
  })

  it('is called with no more than what it got before it closed', async () => {
    const seen: unknown[] = []
    const own: HandlerSubscription = broker.subscribe(
      't',
      ({ payload }) => {
        seen.push(payload)
        if (payload === 1) own.close()
      },
      options,
    )

    for (const n of range(0, 4)) void broker.publish('t', n)
    await turn()

    expect(seen).toEqual([0, 1])
  })
})

describe('delivery', () => {
  it('is direct by default: an idle handler has run when publish returns', () => {
    const seen: unknown[] = []
    broker.subscribe('t', ({ payload }) => void seen.push(payload))

    void broker.publish('t', 1)

    expect(seen).toEqual([1])
  })

  it('queued runs the handler in a later microtask, under its policy', async () => {
    const seen: unknown[] = []
    const queued = broker.subscribe('t', ({ payload }) => void seen.push(payload), {
      delivery: 'queued',
      overflow: 'drop-oldest',
      capacity: 2,
    })

    for (const n of range(0, 5)) void broker.publish('t', n)
    expect(seen).toEqual([])
    expect(queued.pending).toBe(2)
    await turn()

    expect(seen).toEqual([3, 4])
    expect(queued.ledger()).toMatchObject({ delivered: 2, dropped: { 'evicted-oldest': 3 } })
  })

  it('direct lets copies wait under the policy while an async handler is at work', async () => {
    const gate = new Gate()
    const seen: unknown[] = []
    const busy = broker.subscribe(
      't',
      ({ payload }) => {
        seen.push(payload)
        return gate.opened
      },
      { capacity: 2 },
    )

    for (const n of range(0, 5)) await broker.publish('t', n)
    expect(busy.ledger()).toMatchObject({ delivered: 1, pending: 2, dropped: { 'buffer-full': 2 } })
    gate.open()
    await turn()

    expect(seen).toEqual([0, 1, 2])
    void broker.publish('t', 5)
    expect(seen).toEqual([0, 1, 2, 5])
  })

  it('of a large queued mailbox survives its overflow and its recovery', async () => {
    const seen: unknown[] = []
    broker.subscribe('t', ({ payload }) => void seen.push(payload), { delivery: 'queued', capacity: 16 })

    for (let round = 0; round < 3; round++) {
      for (const n of range(0, 20)) void broker.publish('t', n)
      await turn()
      void broker.publish('t', 'single')
      await turn()
    }

    expect(seen).toEqual(range(0, 3).flatMap(() => [...range(0, 16), 'single']))
  })
})

it('a failing handler that nobody observes is told to the console once', async () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue()
  const unobserved = createBroker()
  unobserved.subscribe('t', () => {
    throw new Error('unseen')
  })

  for (const n of range(0, 3)) await unobserved.publish('t', n)

  expect(warn).toHaveBeenCalledTimes(1)
  expect(warn.mock.calls[0]?.[0]).toMatch(/"t" failed.*unseen.*handlerError/)
})
