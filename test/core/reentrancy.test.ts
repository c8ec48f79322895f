import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  assertBalanced,
  createBroker,
  type HandlerSubscription,
  type MemoryBroker,
  type Subscription,
} from '../../src/index.ts'
import { endedBooks, Gate, losses, range, takeAll, turn, watch, until } from '../support/watch.ts'

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

/** Publishes what `plan` says when a message with that payload arrives. */
function replier(pattern: string, plan: Readonly<Record<number, readonly number[]>>): HandlerSubscription {
  return broker.subscribe(pattern, ({ topic, payload }) => {
    for (const n of plan[payload] ?? []) void broker.publish(topic, n)
    assertBalanced(broker.ledger())
  })
}

function recorder(pattern: string, options: object = {}): unknown[] {
  const seen: unknown[] = []
  broker.subscribe(pattern, ({ payload }) => void seen.push(payload), options)
  return seen
}

describe('publishing inside a handler', () => {
  it('does not overtake: handlers, readers and groups see the publish order', async () => {
    const before = [recorder('t'), recorder('t', { group: 'early' }), recorder('t', { delivery: 'queued' })]
    replier('t', { 1: [2, 3], 2: [4] })
    const after = [recorder('t'), recorder('t', { group: 'late' }), recorder('t', { overflow: 'block' })]
    const readers = [
      {},
      { capacity: 8 },
      { group: 'r' },
      { overflow: 'latest', key: () => Symbol('own') },
    ] as const
    const subscriptions = readers.map((options) => broker.subscribe('t', options))

    void broker.publish('t', 1)
    await turn()
    void broker.publish('t', 5)
    await turn()

    for (const seen of [...before, ...after]) expect(seen).toEqual([1, 2, 3, 4, 5])
    for (const reader of subscriptions) expect(takeAll(reader)).toEqual([1, 2, 3, 4, 5])
  })

  it('does not overtake on other patterns that the outer message has yet to reach', async () => {
    replier('a.b', { 1: [2] })
    const seen = ['a.b', 'a.*', '*.b', 'a.>', '>'].map((pattern) => recorder(pattern))
    const readers = ['a.b', 'a.*', '*.b', 'a.>', '>'].map((pattern) => broker.subscribe(pattern))

    void broker.publish('a.b', 1)
    await turn()

    expect(readers.map((reader) => takeAll(reader))).toEqual(readers.map(() => [1, 2]))
    expect(seen).toEqual(seen.map(() => [1, 2]))
  })

  it('does not overtake what an async handler that is busy has waiting', async () => {
    const gates: Gate[] = []
    const seen: unknown[] = []
    const busy = ({ payload }: { payload: unknown }): Promise<void> => {
      seen.push(payload)
      const gate = new Gate()
      gates.push(gate)
      return gate.opened
    }
    broker.subscribe('t', busy)
    replier('t', { 1: [2], 2: [3] })
    void broker.publish('t', 0)
    void broker.publish('t', 1)
    void broker.publish('t', 9)
    for (let calls = 0; calls < 5; calls++) {
      await turn()
      gates[calls]?.open()
    }

    expect(seen).toEqual([0, 1, 2, 9, 3])
  })

  it('does not overtake in a group whose only worker is busy', async () => {
    const gate = new Gate()
    replier('t', { 1: [2] })
    const seen: unknown[] = []
    const worker = ({ payload }: { payload: unknown }): Promise<void> | undefined => {
      seen.push(payload)
      return payload === 0 ? gate.opened : undefined
    }
    broker.subscribe('t', worker, { group: 'g' })

    void broker.publish('t', 0)
    void broker.publish('t', 1)
    gate.open()
    await turn()

    expect(seen).toEqual([0, 1, 2])
  })

  it('is bounded by the policy of the mailboxes it goes to', async () => {
    const seen: unknown[] = []
    const own = broker.subscribe(
      't',
      ({ payload }) => {
        seen.push(payload)
        if (payload === 0) for (const n of range(1, 100)) void broker.publish('t', n)
      },
      { capacity: 10 },
    )

    void broker.publish('t', 0)
    await turn()

    expect(seen).toEqual(range(0, 11))
    expect(losses(own.ledger())).toEqual({ 'buffer-full': 89 })
  })

  it('may go back and forth between two topics without end of the stack', async () => {
    let calls = 0
    broker.subscribe('ping', () => void (++calls < 20_000 && broker.publish('pong', 0)))
    broker.subscribe('pong', () => void (++calls < 20_000 && broker.publish('ping', 0)))

    void broker.publish('ping', 0)
    await until(() => calls === 20_000)

    expect(broker.ledger().published).toBe(20_000)
  })
})

describe('subscribing inside a handler', () => {
  it('begins with the next message, in whatever form', async () => {
    const readers: Subscription[] = []
    const seen: unknown[] = []
    broker.subscribe('a.b', ({ payload }) => {
      if (payload !== 1) return
      for (const pattern of ['a.b', 'a.*', '>']) {
        readers.push(broker.subscribe(pattern), broker.subscribe(pattern, { group: 'g' }))
        broker.subscribe(pattern, (message) => void seen.push(message.payload))
      }
    })
    broker.subscribe('a.*') // one of the patterns exists before, the other does not

    void broker.publish('a.b', 1)
    void broker.publish('a.b', 2)
    await turn()

    expect(readers.map((reader) => takeAll(reader))).toEqual(readers.map(() => [2]))
    expect(seen).toEqual([2, 2, 2])
  })

  it('inside a nested publish begins with the message after that one', async () => {
    let late: Subscription | undefined
    broker.subscribe('t', ({ payload }) => {
      if (payload === 1) void broker.publish('t', 2)
    })
    broker.subscribe('t', ({ payload }) => {
      if (payload === 2) late = broker.subscribe('t')
      if (payload === 2) void broker.publish('t', 3)
    })

    void broker.publish('t', 1)
    await turn()

    expect(takeAll(late as Subscription)).toEqual([3])
  })
})

describe('closing inside a handler', () => {
  it('a later handler of the same publish: it is not called, and the copy is counted as closed', async () => {
    const seen: unknown[] = []
    broker.subscribe('t', () => {
      later.close()
      assertBalanced(broker.ledger())
    })
    const later = broker.subscribe('t', ({ payload }) => void seen.push(payload))
    const last = recorder('t')

    await broker.publish('t', 1)

    expect(seen).toEqual([])
    expect(last).toEqual([1])
    const books = { routed: 1, delivered: 0, dropped: { closed: 1 }, pending: 0, waiting: 0 }
    expect(endedBooks(broker)).toEqual(books)
    expect(later.ledger()).toMatchObject({ delivered: 0, dropped: { closed: 1 } })
  })

  it('an earlier handler of the same publish: it has had its copy', async () => {
    const earlier = broker.subscribe('t', () => undefined)
    broker.subscribe('t', () => earlier.close())

    await broker.publish('t', 1)

    expect(endedBooks(broker)).toMatchObject({ routed: 1, delivered: 1, dropped: {} })
  })

  it('a later handler after a nested publish: both copies are counted as closed', async () => {
    const seen: unknown[] = []
    broker.subscribe('t', ({ payload }) => {
      if (payload !== 1) return
      void broker.publish('t', 2)
      later.close()
      assertBalanced(broker.ledger())
    })
    const later = broker.subscribe('t', ({ payload }) => void seen.push(payload))

    await broker.publish('t', 1)
    await turn()

    expect(seen).toEqual([])
    expect(endedBooks(broker)).toMatchObject({ routed: 2, delivered: 0, dropped: { closed: 2 } })
  })

  it('every handler, and subscribing anew, leaves exactly the new one', async () => {
    const seen: string[] = []
    const all: HandlerSubscription[] = []
    for (const n of range(0, 4)) {
      const handler = (): void => {
        seen.push(`old ${n}`)
        for (const each of all.splice(0)) each.close()
        broker.subscribe('t', () => void seen.push(`new ${n}`))
      }
      all.push(broker.subscribe('t', handler))
    }

    await broker.publish('t', 1)
    await broker.publish('t', 2)

    expect(seen).toEqual(['old 0', 'new 0'])
    expect(endedBooks(broker)).toMatchObject({ routed: 4, delivered: 1, dropped: { closed: 3 } })
  })

  it('the broker: nobody else is called, the publish settles, everything is counted', async () => {
    const seen: unknown[] = []
    broker.subscribe('a.b', () => void broker.close())
    broker.subscribe('a.b', ({ payload }) => void seen.push(payload))
    broker.subscribe('a.b', ({ payload }) => void seen.push(payload), { group: 'g' })
    broker.subscribe('>', ({ payload }) => void seen.push(payload))
    const reader = broker.subscribe('a.b')

    await expect(broker.publish('a.b', 1)).resolves.toMatchObject({ level: 'accepted' })

    expect(seen).toEqual([])
    expect(reader.poll()).toBeUndefined()
    expect(broker.ledger().mailboxes).toEqual([])
    expect(broker.ledger().ended).toMatchObject({ pending: 0, waiting: 0 })
  })

  it('a handler that drains the broker: what is under way is still handed out', async () => {
    const seen: unknown[] = []
    let drain: ReturnType<typeof watch> | undefined
    broker.subscribe('t', () => {
      drain ??= watch(broker.drain())
      assertBalanced(broker.ledger())
    })
    broker.subscribe('t', ({ payload }) => void seen.push(payload))
    broker.subscribe('t', ({ payload }) => void seen.push(payload), { group: 'g' })

    await broker.publish('t', 1)
    await until(() => drain?.state !== 'pending')

    expect(seen).toEqual([1, 1])
    expect(drain?.value).toMatchObject({ complete: true, dropped: 0 })
  })
})
