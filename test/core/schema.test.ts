import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  assertBalanced,
  BrokerClosedError,
  createBroker,
  PayloadInvalidError,
  type PayloadSchema,
} from '../../src/index.ts'
import { Gate, rejection, takeAll, turn, watch, until } from '../support/watch.ts'

const vendors: readonly (readonly [string, PayloadSchema])[] = [
  ['zod', z.object({ amount: z.number() })],
  ['valibot', v.object({ amount: v.number() })],
  ['arktype', type({ amount: 'number' })],
]

/** A schema that answers when the test opens its gates, in whatever order. */
function gated(): { schema: PayloadSchema; gates: Gate[] } {
  const gates: Gate[] = []
  const validate = async (
    value: unknown,
  ): Promise<{ value: unknown } | { issues: { message: string }[] }> => {
    const gate = new Gate()
    gates.push(gate)
    await gate.opened
    return value === 'bad' ? { issues: [{ message: 'it is bad' }] } : { value: `checked ${String(value)}` }
  }
  return { gates, schema: { '~standard': { version: 1, vendor: 'test', validate } } }
}

describe.each(vendors)('a schema of %s', (_, schema) => {
  it('lets valid payloads pass and refuses others before anything is delivered', async () => {
    const broker = createBroker({ schemas: { 'orders.paid': schema } })
    const readers = [broker.subscribe('orders.paid'), broker.subscribe('>')]

    await expect(broker.publish('orders.paid', { amount: 1 })).resolves.toMatchObject({ routed: true })
    for (const publish of [
      () => broker.publish('orders.paid', { amount: 'much' }),
      () => broker.publish('orders.paid', undefined, { id: 'x' }),
      () => broker.publishAndWait('orders.paid', {}),
      () => broker.topic('orders.paid').publish(null),
    ]) {
      const error = await rejection(publish())
      expect(error).toBeInstanceOf(PayloadInvalidError)
      const { topic, issues } = error as PayloadInvalidError
      expect(topic).toBe('orders.paid')
      expect(issues.map(({ message }) => typeof message)).toEqual(['string'])
    }

    expect(readers.map((reader) => takeAll(reader))).toEqual([[{ amount: 1 }], [{ amount: 1 }]])
    expect(broker.ledger()).toMatchObject({ published: 1, copies: 2 })
  })
})

describe('schemas', () => {
  it('hand on what they return', async () => {
    const broker = createBroker({ schemas: { t: z.coerce.number() } })
    const reader = broker.subscribe('t')

    await broker.publish('t', '42')

    expect(takeAll(reader)).toEqual([42])
  })

  it('apply by pattern, the topic’s own before, else the first that matches', async () => {
    const named = (name: string): PayloadSchema => z.any().transform(() => name)
    const schemas = { 'a.*': named('a.*'), '*.b': named('*.b'), 'x.b': named('x.b'), '>': named('>') }
    const broker = createBroker({ schemas })
    const reader = broker.subscribe('>')

    for (const topic of ['a.b', 'x.b', 'y.b', 'a.b.c']) await broker.publish(topic, 0)

    expect(takeAll(reader)).toEqual(['a.*', 'x.b', '*.b', '>'])
  })

  it('leave other topics alone', async () => {
    const broker = createBroker({ schemas: { t: z.number() } })
    const reader = broker.subscribe('u')

    await broker.publish('u', 'text')

    expect(takeAll(reader)).toEqual(['text'])
  })

  it('with a key that is no pattern are refused at once', () => {
    expect(() => createBroker({ schemas: { 'a..b': z.any() } })).toThrow(/Invalid pattern/)
  })

  it('that throw make the publish reject', async () => {
    const error = new Error('of the schema')
    const schema: PayloadSchema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => {
          throw error
        },
      },
    }
    const broker = createBroker({ schemas: { t: schema } })
    broker.subscribe('t')

    expect(await rejection(broker.publish('t', 1))).toBe(error)
    expect(broker.ledger().published).toBe(0)
  })
})

describe('an async schema', () => {
  it('keeps the publish order of its topic and holds no other topic up', async () => {
    const { schema, gates } = gated()
    const broker = createBroker({ schemas: { t: schema } })
    const reader = broker.subscribe('>')
    const publishes = [1, 2, 'bad', 3].map((payload) => watch(broker.publish('t', payload)))
    await broker.publish('u', 'other')

    while (publishes.some(({ state }) => state === 'pending')) {
      for (const gate of gates.splice(0).toReversed()) gate.open()
      await turn()
    }

    expect(takeAll(reader)).toEqual(['other', 'checked 1', 'checked 2', 'checked 3'])
    expect(publishes.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'rejected', 'resolved'])
    expect(publishes[2]?.error).toBeInstanceOf(PayloadInvalidError)
  })

  it('goes to who is subscribed when it is done', async () => {
    const { schema, gates } = gated()
    const broker = createBroker({ schemas: { t: schema } })
    const early = broker.subscribe('t')
    const publish = broker.publish('t', 1)

    const late = broker.subscribe('*')
    early.close()
    gates[0]?.open()
    await publish

    expect(takeAll(late)).toEqual(['checked 1'])
    assertBalanced(broker.ledger())
  })

  it('gives way to an abort and to the end of the broker', async () => {
    const { schema, gates } = gated()
    const broker = createBroker({ schemas: { t: schema } })
    const reader = broker.subscribe('t')
    const controller = new AbortController()
    const publishes = [
      watch(broker.publish('t', 1, { signal: controller.signal })),
      watch(broker.publish('t', 2)),
      watch(broker.publish('t', 3)),
    ]
    const reason = new Error('enough')

    controller.abort(reason)
    gates.shift()?.open()
    await until(() => gates.length > 0)
    gates.shift()?.open()
    await until(() => gates.length > 0)
    expect(takeAll(reader)).toEqual(['checked 2'])
    await broker.close()
    gates.shift()?.open()
    await turn()

    expect(publishes[0]?.error).toBe(reason)
    expect(publishes[1]?.state).toBe('resolved')
    expect(publishes[2]?.error).toBeInstanceOf(BrokerClosedError)
    expect(broker.ledger()).toMatchObject({ published: 1 })
  })

  it('that never ends holds nobody longer than its signal or the broker', async () => {
    const { schema } = gated()
    const broker = createBroker({ schemas: { t: schema } })
    broker.subscribe('t')
    const controller = new AbortController()
    const aborted = watch(broker.publish('t', 1, { signal: controller.signal }))
    const closed = watch(broker.publish('t', 2))
    const reason = new Error('enough')

    controller.abort(reason)
    await turn()
    expect([aborted.error, closed.state]).toEqual([reason, 'pending'])
    await broker.close()
    await turn()

    expect(closed.error).toBeInstanceOf(BrokerClosedError)
    expect(broker.ledger()).toMatchObject({ published: 0 })
  })
})
