import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { assertBalanced, createBroker, type DropReason, type MemoryBroker } from '../../src/index.ts'
import { losses, range, takeAll, turn, watch } from '../support/watch.ts'

let broker: MemoryBroker
let failures: unknown[]

beforeEach(() => {
  failures = []
  const fail = ({ error }: { error: unknown }): void => void failures.push(error)
  broker = createBroker({ observer: { handlerError: fail, callbackError: fail } })
})

afterEach(async () => {
  assertBalanced(broker.ledger())
  await broker.close()
  assertBalanced(broker.ledger())
  expect(failures).toEqual([])
})

describe('observers', () => {
  it('of drops may come, go and act inside their own callback', async () => {
    const neighbour = broker.subscribe('t', { capacity: 5 })
    const full = broker.subscribe('t', { capacity: 1 })
    for (const act of [() => full.poll(), () => full.close()]) {
      const once = broker.observe({
        dropped: () => {
          once[Symbol.dispose]()
          act()
          assertBalanced(broker.ledger())
        },
      })
      await broker.publish('t', 'fills')
      await broker.publish('t', 'drops')
      assertBalanced(broker.ledger())
    }

    await broker.publish('t', 'last')
    expect(neighbour.ledger()).toMatchObject({ routed: 5, pending: 5 })
  })

  it('of drops that come while readers and queued handlers wait do not leave them waiting', async () => {
    const reader = broker.subscribe('t')
    const other = broker.subscribe('t')
    const waiting = [watch(reader.next()), watch(reader.next())]
    const batch = watch(other.batches().next())
    const seen: unknown[] = []
    broker.subscribe('t', ({ payload }) => void seen.push(payload), { delivery: 'queued' })
    await turn()

    broker.observe({ dropped: () => undefined })
    await broker.publish('t', 1)
    await turn()

    expect(waiting.map(({ value }) => value?.value?.payload)).toEqual([1, undefined])
    expect(batch.value?.value?.map(({ payload }) => payload)).toEqual([1])
    expect(seen).toEqual([1])
    reader.close()
    await turn()
    expect(waiting[1]?.value).toMatchObject({ done: true })
  })

  it('that read a mailbox as it overflows leave it ready for the next message', async () => {
    const full = broker.subscribe('t', { capacity: 2 })
    const once = broker.observe({
      dropped: () => {
        once[Symbol.dispose]()
        full.poll()
      },
    })

    for (const n of range(1, 5)) await broker.publish('t', n)

    expect(takeAll(full)).toEqual([2, 4])
  })

  it('hear of as many drops as the ledger counts, with balanced books at each', async () => {
    const heard = new Map<DropReason, number>()
    const check = (): void => assertBalanced(broker.ledger())
    broker.observe({
      dropped: ({ reason }) => {
        heard.set(reason, (heard.get(reason) ?? 0) + 1)
        check()
      },
      subscribed: check,
      closed: check,
      blocked: check,
      unblocked: check,
      unrouted: check,
      ended: check,
    })
    const block = broker.subscribe('t', { overflow: 'block', capacity: 1 })
    broker.subscribe('t', { capacity: 1 })
    broker.subscribe('t', { capacity: 1, overflow: 'drop-oldest' })
    broker.subscribe('t', { capacity: 1, group: 'g' })
    broker.subscribe('t', { capacity: 1, overflow: 'disconnect' })
    const publishes = range(0, 4).map((n) => watch(broker.publish('t', n)))
    block.poll()
    await turn()
    broker.subscribe('u').close()
    await broker.publish('nobody', 1)
    await broker.close()
    await turn()

    expect(publishes.every(({ state }) => state !== 'pending')).toBe(true)
    expect(Object.fromEntries(heard)).toEqual(losses(broker.ledger().ended))
  })

  it('that throw never reach a publisher; the other observers hear of it', async () => {
    const thrown: string[] = []
    const throws = (): never => {
      throw new Error('of the observer')
    }
    const own = createBroker({
      observer: {
        subscribed: throws,
        closed: throws,
        dropped: throws,
        unrouted: throws,
        callbackError: throws,
      },
    })
    own.observe({ callbackError: ({ callback }) => thrown.push(callback) })

    const reader = own.subscribe('t', { capacity: 1 })
    await own.publish('t', 1)
    await expect(own.publish('t', 2)).resolves.toMatchObject({ routed: true })
    await own.publish('nobody', 1)
    reader.poll()
    reader.close()

    expect(thrown).toEqual(['subscribed', 'dropped', 'unrouted', 'closed'].map((name) => `observer.${name}`))
  })
})
