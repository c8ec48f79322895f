import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { assertBalanced, createBroker, type Subscription } from '../../src/index.ts'
import { endedBooks, range, turn, watch } from '../support/watch.ts'

describe('a signal', () => {
  it('that aborts ends the iteration normally and drops what is pending', async () => {
    const broker = createBroker()
    const controller = new AbortController()
    const reader = broker.subscribe('t', { signal: controller.signal })
    const waiting = watch(reader.next())
    await broker.publish('t', 1)
    await broker.publish('t', 2)
    await turn()

    controller.abort(new Error('not thrown'))

    expect(waiting.value?.value?.payload).toBe(1)
    expect(reader.closed).toBe(true)
    await expect(reader.next()).resolves.toMatchObject({ done: true })
    expect(endedBooks(broker)).toMatchObject({ delivered: 1, dropped: { closed: 1 } })
  })

  it('that has aborted before makes a subscription that is closed from the start', async () => {
    const broker = createBroker()
    const signal = AbortSignal.abort()
    const reader = broker.subscribe('t', { signal })
    const handler = broker.subscribe('t', () => undefined, { signal, group: 'g' })

    expect([reader.closed, handler.closed]).toEqual([true, true])
    await expect(reader.next()).resolves.toMatchObject({ done: true })
    await expect(broker.publish('t', 1)).resolves.toMatchObject({ routed: false })
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('has one listener however many subscriptions use it, and none when they have ended', async () => {
    const broker = createBroker()
    const { signal } = new AbortController()
    const listeners = () => getEventListeners(signal, 'abort').length
    const subscriptions = range(0, 10).flatMap((n) => [
      broker.subscribe('t', { signal }),
      broker.subscribe('t', { signal, group: `g${n % 3}` }),
      broker.subscribe('t', () => undefined, { signal }),
      broker.subscribe('t', { signal, overflow: 'disconnect', capacity: 1 }),
    ])

    expect(listeners()).toBe(1)
    await broker.publish('t', 1)
    await broker.publish('t', 2)
    for (const each of subscriptions.slice(0, 20)) each.close()
    expect(listeners()).toBe(1)
    await broker.close()
    expect(listeners()).toBe(0)
  })

  it('ends all its subscriptions, also those that one of them closes', () => {
    const controller = new AbortController()
    const { signal } = controller
    const broker = createBroker({ observer: { closed: () => others.forEach((other) => other.close()) } })
    const others: Subscription[] = []
    others.push(...range(0, 3).map(() => broker.subscribe('t', { signal })))

    controller.abort()

    expect(others.every(({ closed }) => closed)).toBe(true)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    assertBalanced(broker.ledger())
  })

  it('that is none is refused before any effect', async () => {
    const broker = createBroker()
    const signal = new AbortController() as unknown as AbortSignal // the mistake everybody makes once

    expect(() => broker.subscribe('t', { signal })).toThrow(/signal|addEventListener/i)

    await expect(broker.publish('t', 1)).resolves.toMatchObject({ routed: false })
  })
})
