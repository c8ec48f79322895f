import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import {
  assertBalanced,
  type Broker,
  BrokerClosedError,
  InvalidOptionError,
  InvalidTopicError,
  LedgerImbalanceError,
  type Message,
  PayloadInvalidError,
  type PayloadSchema,
} from '../../src/index.ts'
import { createLogBroker, type LogMessage, type LogReceipt } from '../../src/log/index.ts'
import { Gate, range, rejection, takeAll, turn, watch } from '../support/watch.ts'

describe('publish to a log', () => {
  it('says where the message is: dense per topic, and in one order across all', async () => {
    const broker = createLogBroker()
    const receipts = []
    for (const topic of ['a', 'b', 'a', 'a', 'b']) receipts.push(await broker.publish(topic, 0))

    expect(receipts.map(({ offset }) => offset)).toEqual([0, 0, 1, 2, 1])
    expect(receipts.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4])
    expect(receipts[0]).toMatchObject({ level: 'accepted', routed: true })
    expect(broker.topic('a').append(1)).toBe(3)
    expect(await broker.topic('a').publish(1)).toMatchObject({ offset: 4, seq: 6 })
    expect(broker.ledger()).toMatchObject({ published: 7, routed: 7, unrouted: 0, log: { appended: 7 } })
  })

  it('keeps headers, id and time, and the same message for everybody', async () => {
    const broker = createLogBroker()
    const live = broker.subscribe('t')
    await broker.publish('t', 'p', { headers: { a: 'b' }, id: 'mine' })
    await broker.publish('t', 'q')
    const [first, second] = [live.poll(), live.poll()]
    const reader = broker.subscribe('t', { from: 'start' })

    expect(reader.poll()).toBe(first)
    expect(reader.poll()).toBe(second)
    expect(first).toMatchObject({ topic: 't', headers: { a: 'b' }, id: 'mine', offset: 0, seq: 0 })
    expect(second?.id).toBe(second?.id)
    expect(JSON.parse(JSON.stringify(second))).toMatchObject({ payload: 'q', headers: {}, offset: 1, seq: 1 })
  })

  it('that is refused appends nothing', async () => {
    const schemas = { t: z.number(), slow: z.number().refine(async () => true) }
    const sizeOf = ({ payload }: LogMessage): number => {
      if (payload === 1) throw new Error('unmeasurable')
      return Number(payload)
    }
    const broker = createLogBroker({ schemas, retention: { t: { bytes: 100 } }, sizeOf })
    const refused = (promise: Promise<unknown>) => rejection(promise)

    expect(await refused(broker.publish('a..b', 0))).toBeInstanceOf(InvalidTopicError)
    expect(await refused(broker.publish('t', 'text'))).toBeInstanceOf(PayloadInvalidError)
    expect(await refused(broker.publish('t', 1))).toEqual(new Error('unmeasurable'))
    expect(await refused(broker.publish('t', -1))).toBeInstanceOf(InvalidOptionError)
    expect(await refused(broker.publish('t', 2, { id: '' }))).toBeInstanceOf(InvalidOptionError)
    const reason = new Error('enough')
    expect(await refused(broker.publish('t', 2, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect(() => broker.topic('slow').append(1)).toThrow(InvalidOptionError)
    expect(() => broker.topic('t').append('text')).toThrow(PayloadInvalidError)
    expect(broker.ledger()).toMatchObject({ published: 0, log: { appended: 0 } })
    expect(broker.topics()).toEqual([])
    expect((await broker.publish('t', 5)).offset).toBe(0)
  })

  it('from inside sizeOf is refused: the place was taken', async () => {
    const broker: Broker = createLogBroker({
      retention: { a: { bytes: 100 } },
      sizeOf: () => (void broker.publish('b', 0), 1),
    })
    expect(await rejection(broker.publish('a', 0))).toBeInstanceOf(InvalidOptionError)
    assertBalanced(broker.ledger())
  })

  it('keeps the order of its topic while a schema takes its time, and waits no longer than the broker', async () => {
    const gates = range(0, 3).map(() => new Gate())
    const schema: PayloadSchema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) => {
          await gates[Number(value)]?.opened
          return { value }
        },
      },
    }
    const broker = createLogBroker({ schemas: { t: schema } })
    const sent = range(0, 3).map((n) => watch(broker.publish('t', n)))
    gates[1]?.open()
    await broker.publish('other', 'meanwhile')
    expect(sent.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending'])
    gates[0]?.open()
    await turn()
    expect(sent.slice(0, 2).map(({ value }) => value?.offset)).toEqual([0, 1])

    await broker.close()
    await turn()
    expect(sent[2]?.error).toBeInstanceOf(BrokerClosedError)
    gates[2]?.open()
    await turn()
    expect(broker.ledger().log.appended).toBe(3)
  })

  it('from inside a live handler is in the log at once, behind what is being published', async () => {
    const broker = createLogBroker()
    const seen: unknown[] = []
    broker.subscribe('a', () => {
      const reader = broker.subscribe('*', { from: 'start' })
      void broker.publish('b', 'nested')
      seen.push(...takeAll(reader))
    })
    await broker.publish('a', 'outer')
    expect(seen).toEqual(['outer', 'nested'])
  })

  it('whose live mailbox refuses it rejects, and is in the log all the same', async () => {
    const broker = createLogBroker()
    broker.subscribe('t', { overflow: 'fail', capacity: 1 })
    await broker.publish('t', 0)
    expect(await rejection(broker.publish('t', 1))).toMatchObject({ name: 'MailboxFullError' })
    expect(broker.topic('t').append(2)).toBe(2)
    await turn()

    expect(takeAll(broker.subscribe('t', { from: 'start' }))).toEqual([0, 1, 2])
    assertBalanced(broker.ledger())
  })

  it('never throws: after the end it rejects', async () => {
    const broker = createLogBroker()
    const publisher = broker.topic('t')
    await broker.close()
    expect(await rejection(broker.publish('t', 0))).toBeInstanceOf(BrokerClosedError)
    expect(await rejection(publisher.publish(0))).toBeInstanceOf(BrokerClosedError)
    expect(() => publisher.append(0)).toThrow(BrokerClosedError)
  })
})

describe('the ledger of a log', () => {
  it('counts each reader: what it had, and what is before it', async () => {
    const broker = createLogBroker({ retention: { count: 5 } })
    for (const n of range(0, 8)) await broker.publish('t', n)
    const reader = broker.subscribe('t', { from: 'start', capacity: 7 })
    const gone = broker.subscribe('*', { from: -2 })
    gone.poll()
    gone.close()
    reader.poll()
    const ledger = broker.ledger()

    assertBalanced(ledger)
    expect(ledger.mailboxes).toEqual([reader.ledger()])
    expect(reader.ledger()).toMatchObject({ id: 'sub-1', pattern: 't', routed: 5, delivered: 1, pending: 4 })
    expect(ledger.log).toEqual({ appended: 8, retained: 5, evicted: 3, bytes: 0 })
  })

  it('that does not add up is found', () => {
    const ledger = createLogBroker().ledger()
    const wrong = { ...ledger, log: { ...ledger.log, appended: 2, retained: 1 } }
    expect(() => assertBalanced(wrong)).toThrow(LedgerImbalanceError)
    expect(() => assertBalanced(wrong)).toThrow('appended = retained + evicted')
  })
})

describe('the types of a log', () => {
  it('are those of its map, with a place', async () => {
    interface Events {
      'orders.created': { id: number }
      'orders.paid': { amount: number }
    }
    const broker = createLogBroker<Events>()
    const reader = broker.subscribe('orders.*', { from: 'start' })
    expectTypeOf(broker).toExtend<Broker<Events>>()
    expectTypeOf(await broker.publish('orders.paid', { amount: 1 })).toEqualTypeOf<LogReceipt>()
    const message = reader.poll()
    expectTypeOf(message?.offset).toEqualTypeOf<number | undefined>()
    if (message?.topic === 'orders.paid') expectTypeOf(message.payload).toEqualTypeOf<{ amount: number }>()
    broker.subscribe('orders.created', (created) => {
      expectTypeOf(created).toExtend<Message<{ id: number }, 'orders.created'> & LogMessage>()
    })
    // @ts-expect-error -- the map has no such topic
    await broker.publish('orders.lost', 1)
    expect(broker.capabilities).toMatchObject({ broker: 'log', replay: true, durable: false })
  })
})
