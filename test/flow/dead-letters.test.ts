import { describe, expect, it } from 'vitest'
import { createBroker, type Message, PayloadInvalidError, type Receipt } from '../../src/index.ts'
import { consume, type DeadLetterBroker } from '../../src/flow/index.ts'
import { Failure, pass, publishAll, quiet, steady, untilEmpty, world } from './helpers.ts'

const failing = (): never => {
  throw new Failure('broken\r\nline')
}

/** A broker for dead letters whose publishes the test answers. */
class Cemetery implements DeadLetterBroker {
  readonly capabilities = createBroker().capabilities
  readonly published: { topic: string; payload: unknown; options: unknown }[] = []
  answer: () => Promise<Receipt> = () => Promise.resolve({ level: 'accepted', routed: true })

  publish(topic: string, payload: unknown, options: unknown): Promise<Receipt> {
    this.published.push({ topic, payload, options })
    return this.answer()
  }
}

describe('a dead letter', () => {
  it('has the payload, the headers of the message, and says where it came from and why', async () => {
    const { base, broker, clock } = world()
    const dead: Message[] = []
    broker.subscribe('orders.created.dlq', (message) => dead.push(message))
    const subscribe = { group: 'billing' }
    consume({ broker, pattern: 'orders.*', subscribe }, failing, {
      ...base,
      retry: { ...steady, attempts: 2 },
    })

    const published = clock.now()
    await broker.publish('orders.created', { n: 1 }, { id: 'id-1', headers: { traceparent: '00-1' } })
    await pass(clock, 100)

    expect(dead).toHaveLength(1)
    expect(dead[0]).toMatchObject({ topic: 'orders.created.dlq', payload: { n: 1 } })
    expect(dead[0]?.headers).toEqual({
      traceparent: '00-1',
      'spillway-dead-letter-reason': 'attempts',
      'spillway-dead-letter-attempts': '2',
      'spillway-dead-letter-topic': 'orders.created',
      'spillway-dead-letter-id': 'id-1',
      'spillway-dead-letter-time': String(published),
      'spillway-dead-letter-group': 'billing',
      'spillway-dead-letter-pattern': 'orders.*',
      'spillway-dead-letter-at': String(clock.now()),
      'spillway-dead-letter-error': 'Failure',
      'spillway-dead-letter-message': 'broken line',
    })
  })

  it('of a payload that cannot be read has its bytes', async () => {
    const cemetery = new Cemetery()
    const { base, broker } = world()
    const raw = Uint8Array.of(1, 2, 3)
    const consumer = consume({ broker, pattern: 'a' }, (message) => message.payload, {
      ...base,
      deadLetter: { broker: cemetery },
      use: [
        (message, _context, next) => {
          Object.defineProperty(message, 'raw', { value: raw })
          Object.defineProperty(message, 'payload', {
            get: () => {
              throw new PayloadInvalidError('a', [{ message: 'not JSON' }])
            },
          })
          return next()
        },
      ],
    })

    await publishAll(broker, 'a', [1])
    await untilEmpty(consumer)

    expect(cemetery.published).toMatchObject([{ topic: 'a.dlq', payload: raw }])
  })

  it('is published again until it is there; meanwhile the message is kept and nothing is begun', async () => {
    const { base, broker, clock, ear } = world()
    const cemetery = new Cemetery()
    cemetery.answer = () => Promise.reject(new Failure('full'))
    const got: unknown[] = []
    const consumer = consume(
      { broker, pattern: 'a' },
      ({ payload }) => {
        got.push(payload)
        if (payload === 1) failing()
      },
      { ...base, deadLetter: { broker: cemetery }, retry: { ...steady, attempts: 1 } },
    )

    await publishAll(broker, 'a', [1, 2, 3])
    await quiet()
    const before = got.length
    expect(consumer.state).toBe('held')
    expect(consumer.heldBy).toEqual(['dead-letter'])
    expect(consumer.ledger()).toMatchObject({ deadLettered: 0, inFlight: { parked: 1 } })
    await pass(clock, 100)
    await pass(clock, 200)
    expect(got).toHaveLength(before)
    expect(ear.of('deadLetterFailed').map(({ tries, delayMs }) => [tries, delayMs])).toEqual([
      [1, 100],
      [2, 200],
      [3, 400],
    ])

    cemetery.answer = () => Promise.resolve({ level: 'accepted', routed: true })
    await pass(clock, 400)
    await untilEmpty(consumer)
    expect(got).toEqual([1, 2, 3])
    expect(consumer.ledger()).toMatchObject({ deadLettered: 1, handled: 2 })
    const ids = cemetery.published.map(({ options }) => (options as { id: string }).id)
    expect(ids).toHaveLength(4)
    expect(new Set(ids).size).toBe(1)
  })

  it('that nobody subscribes to on a broker that keeps nothing is not taken for published', async () => {
    const { base, broker, clock, ear } = world()
    const consumer = consume({ broker, pattern: 'a' }, failing, {
      ...base,
      retry: { ...steady, attempts: 1 },
    })

    await publishAll(broker, 'a', [1])
    await quiet()
    expect(ear.of('deadLetterFailed')).toMatchObject([{ topic: 'a.dlq', error: { code: 'SPW_DEAD_LETTER' } }])
    expect(consumer.ledger()).toMatchObject({ deadLettered: 0, inFlight: { parked: 1 } })

    const dead = broker.subscribe('a.dlq')
    await pass(clock, 100)
    expect(consumer.ledger()).toMatchObject({ deadLettered: 1 })
    expect(dead.poll()?.payload).toBe(1)
  })

  it('waits for room in a full mailbox instead of being dropped there', async () => {
    const { base, broker } = world()
    const dead = broker.subscribe('a.dlq', { capacity: 1 })
    const consumer = consume({ broker, pattern: 'a' }, failing, { ...base, retry: { attempts: 1 } })

    await publishAll(broker, 'a', [1, 2])
    await quiet()
    expect(consumer.ledger()).toMatchObject({ deadLettered: 1, inFlight: { parked: 1 } })
    expect(dead.poll()?.payload).toBe(1)
    await untilEmpty(consumer)
    expect(dead.poll()?.payload).toBe(2)
  })

  it('whose publish is not answered is given up in time and tried again', async () => {
    const { base, broker, clock, ear } = world()
    const cemetery = new Cemetery()
    cemetery.answer = () => new Promise(() => undefined)
    consume({ broker, pattern: 'a' }, failing, {
      ...base,
      deadLetter: { broker: cemetery, timeoutMs: 50 },
      retry: { ...steady, attempts: 1 },
    })

    await publishAll(broker, 'a', [1])
    await pass(clock, 50)
    expect(ear.of('deadLetterFailed')).toMatchObject([
      { error: { message: expect.stringContaining('50 ms') } },
    ])
    await pass(clock, 100)
    expect(cemetery.published).toHaveLength(2)
  })

  it('keeps its key until it is published, so that the next of the key is not handled before', async () => {
    const { base, broker, clock } = world()
    const cemetery = new Cemetery()
    let publish: (receipt: Receipt) => void = () => undefined
    cemetery.answer = () =>
      new Promise((resolve) => {
        publish = resolve
      })
    const got: unknown[] = []
    consume(
      { broker, pattern: 'a' },
      ({ payload }) => {
        got.push(payload)
        if (payload === 1) failing()
      },
      { ...base, deadLetter: { broker: cemetery }, retry: { attempts: 1 }, orderingKey: () => 'k' },
    )

    await publishAll(broker, 'a', [1, 2])
    await pass(clock, 10)
    expect(got).toEqual([1])
    publish({ level: 'accepted', routed: true })
    await quiet()
    expect(got).toEqual([1, 2])
  })

  it('goes to the topic that is asked for', async () => {
    const { base, broker } = world()
    const dead = broker.subscribe('dead.>')
    const consumer = consume({ broker, pattern: 'a.>' }, failing, {
      ...base,
      retry: { attempts: 1 },
      deadLetter: { topic: ({ topic }) => `dead.${topic}` },
    })

    await publishAll(broker, 'a.b', [1])
    await untilEmpty(consumer)
    expect(dead.poll()?.topic).toBe('dead.a.b')
  })

  it('that its own consumer would take is refused at the start, or kept when it comes round', async () => {
    const { base, broker, ear } = world()
    expect(() => consume({ broker, pattern: 'a.>' }, failing, base)).toThrow(/matches the dead letters too/)
    expect(() => consume({ broker, pattern: '>' }, failing, base)).toThrow(/matches the dead letters too/)

    const consumer = consume({ broker, pattern: 'a.>' }, failing, {
      ...base,
      retry: { ...steady, attempts: 1 },
      deadLetter: { topic: ({ topic }) => `${topic}.dlq` },
    })
    await publishAll(broker, 'a.b', [1])
    await quiet()

    expect(consumer.ledger()).toMatchObject({ received: 2, deadLettered: 1, inFlight: { parked: 1 } })
    expect(ear.of('deadLetterFailed')).toMatchObject([{ topic: 'a.b.dlq.dlq' }])
  })

  it('that would go to the topic its message was taken from is kept, as it would die again and again', async () => {
    const { base, broker, clock, ear } = world()
    let calls = 0
    const consumer = consume(
      { broker, pattern: 'a' },
      () => {
        if (++calls < 10) throw new Failure('again') // or the test itself would never end
      },
      { ...base, retry: { ...steady, attempts: 1 }, deadLetter: { topic: ({ topic }) => topic } },
    )
    await publishAll(broker, 'a', [1])
    await pass(clock, 0)

    expect(calls).toBe(1)
    expect(consumer.heldBy).toEqual(['dead-letter'])
    expect(ear.of('deadLetterFailed')).toMatchObject([{ topic: 'a', error: { code: 'SPW_DEAD_LETTER' } }])
  })

  it('needs a broker that is known', () => {
    const { base, broker } = world()
    const subscription = broker.subscribe('a')
    // @ts-expect-error of a subscription no broker is known: this does not compile
    expect(() => consume(subscription, failing, base)).toThrow(/deadLetter\.broker/)
    // @ts-expect-error nor does it without options
    expect(() => consume(subscription, failing)).toThrow(/deadLetter\.broker/)
    expect(consume(subscription, failing, { ...base, deadLetter: { broker } }).state).toBe('running')
  })
})
