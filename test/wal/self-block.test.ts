import { describe, expect, it } from 'vitest'
import { assertBalanced, SelfBlockError } from '../../src/index.ts'
import { directory, openInline } from '../support/undo.ts'
import { Gate, losses, until, watch, type Watched } from '../support/watch.ts'

describe('a handler on a log that publishes to its own full block mailbox', () => {
  it('is refused, also when its message is stored together with those of others', async () => {
    const broker = await openInline(directory())
    const gate = new Gate()
    const outcomes: Watched<unknown>[] = []
    const own = broker.subscribe(
      't',
      async ({ payload }) => {
        if (payload !== 0) return
        await gate.opened
        const publishes = [1, 2].map((n) => broker.publish('t', n))
        outcomes.push(...publishes.map(watch))
        await Promise.allSettled(publishes)
      },
      { overflow: 'block', capacity: 1, blockTimeoutMs: Number.POSITIVE_INFINITY },
    )
    await broker.publish('t', 0)

    // What is stored next is begun by somebody else, so that it is not the handler's own call that hands its message on.
    void broker.publish('other', 0)
    gate.open()
    await until(() => outcomes.length === 2 && outcomes[1]?.state !== 'pending')

    expect(outcomes.map(({ state }) => state)).toEqual(['resolved', 'rejected'])
    expect(outcomes[1]?.error).toBeInstanceOf(SelfBlockError)
    expect(losses(own.ledger())).toEqual({ refused: 1 })
    assertBalanced(broker.ledger())
  })

  it('is not meant when it has returned meanwhile: the publish waits until there is room', async () => {
    const broker = await openInline(directory())
    let publish: Watched<unknown> | undefined
    const own = broker.subscribe(
      't',
      ({ payload }) => {
        if (payload !== 0) return
        void broker.publish('t', 1)
        publish = watch(broker.publish('t', 2))
      },
      { overflow: 'block', capacity: 1, blockTimeoutMs: Number.POSITIVE_INFINITY },
    )
    await broker.publish('t', 0)
    await until(() => publish?.state === 'resolved')

    expect(own.ledger().delivered).toBe(3)
    assertBalanced(broker.ledger())
  })
})
