import { describe, expect, it } from 'vitest'
import { createBroker, type MemoryBroker, SelfBlockError } from '../../src/index.ts'
import { Gate, losses, rejection, turn, until, watch } from '../support/watch.ts'

const forEver = { overflow: 'block', blockTimeoutMs: Number.POSITIVE_INFINITY } as const

function world(): { broker: MemoryBroker } {
  return { broker: createBroker({ observer: { warning: () => undefined } }) }
}

describe('a handler that publishes to its own full block mailbox', () => {
  it('is refused synchronously, and the copy is counted', async () => {
    const { broker } = world()
    const outcomes: ReturnType<typeof watch>[] = []
    const own = broker.subscribe(
      't',
      ({ payload }) => {
        if (payload === 0) for (const n of [1, 2]) outcomes.push(watch(broker.publish('t', n)))
      },
      { ...forEver, capacity: 1 },
    )

    await broker.publish('t', 0)
    await turn()

    expect(outcomes.map(({ state }) => state)).toEqual(['resolved', 'rejected'])
    expect(outcomes[1]?.error).toBeInstanceOf(SelfBlockError)
    expect(outcomes[1]?.error).toMatchObject({ topic: 't', subscriptions: [{ id: own.id, pattern: 't' }] })
    expect(losses(own.ledger())).toEqual({ refused: 1 })
  })

  it('is refused after an await and through another topic', async () => {
    const { broker } = world()
    const over = new Gate()
    let error: unknown
    broker.subscribe(
      't',
      async ({ payload }) => {
        if (payload !== 0) return
        await turn()
        await broker.publish('t', 1)
        await broker.publish('relay', 2)
        await over.opened
      },
      { ...forEver, capacity: 1 },
    )
    broker.subscribe('relay', async ({ payload }) => {
      await turn()
      error = await rejection(broker.publish('t', payload))
    })

    await broker.publish('t', 0)
    await until(() => error !== undefined)
    over.open()

    expect(error).toBeInstanceOf(SelfBlockError)
  })

  it('is not meant when it is another handler that publishes, which waits', async () => {
    const { broker } = world()
    const gate = new Gate()
    const seen: unknown[] = []
    const busy = broker.subscribe(
      't',
      async ({ payload }) => {
        seen.push(payload)
        await gate.opened
      },
      { ...forEver, capacity: 1 },
    )
    let publish: ReturnType<typeof watch> | undefined
    broker.subscribe('other', () => void (publish = watch(broker.publish('t', 2))), forEver)
    await broker.publish('t', 0)
    await broker.publish('t', 1)

    await broker.publish('other', 0)
    await turn()
    expect(publish?.state).toBe('pending')
    expect(busy.ledger().waiting).toBe(1)

    gate.open()
    await busy.drain()
    expect(publish?.state).toBe('resolved')
    expect(seen).toEqual([0, 1, 2])
  })

  it('is not meant when another handler goes on with a message that somebody else published', async () => {
    const { broker } = world()
    const [never, first] = [new Gate(), new Gate()]
    let publish: ReturnType<typeof watch> | undefined
    broker.subscribe(
      't',
      async ({ payload }) => {
        if (payload === 0) void broker.publish('other', 'from inside')
        await never.opened
      },
      { ...forEver, capacity: 1 },
    )
    broker.subscribe('other', async ({ payload }) => {
      if (payload === 'from inside') await first.opened
      else publish = watch(broker.publish('t', 2))
    })
    await broker.publish('t', 0)
    await broker.publish('t', 1)
    await broker.publish('other', 'from outside')

    first.open()
    await until(() => publish !== undefined)
    await turn()

    expect(publish?.state).toBe('pending')
    await broker.close()
  })

  it('is not meant after the handler has finished, even in what it started', async () => {
    const { broker } = world()
    const later = new Gate()
    let publish: ReturnType<typeof watch> | undefined
    const own = broker.subscribe(
      't',
      ({ payload }) => {
        if (payload !== 0) return never.opened
        void later.opened.then(() => (publish = watch(broker.publish('t', 3))))
        return undefined
      },
      { ...forEver, capacity: 1 },
    )
    const never = new Gate()
    for (const n of [0, 1, 2]) await broker.publish('t', n)

    later.open()
    await turn()

    expect(publish?.state).toBe('pending')
    expect(own.ledger().waiting).toBe(1)
    await broker.close()
  })
})
