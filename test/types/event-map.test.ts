import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Broker, MemoryBroker, Subscription } from '../../src/core/contract.ts'
import type { AnyEvents, MessageOf, PayloadOf, TopicOf, ValidPattern } from '../../src/core/event-map.ts'
import type { Message } from '../../src/core/message.ts'

// These claims are proved by `tsc`: what must not compile stands under `@ts-expect-error`, which is itself an error
// when nothing is wrong there. Running them only shows that the file was not left out.

interface Created {
  readonly id: string
}

interface Paid {
  readonly id: string
  readonly amount: number
}

interface Shop {
  'orders.created': Created
  'orders.paid': Paid
  'users.created': { readonly email: string }
  'cpu.*.load': number
  'logs.>': string
  tick: undefined
}

/** Literal keys beside pattern keys that match them, and pattern keys that match each other's topics. */
interface Overlapping {
  'orders.paid': Paid
  'orders.*': Created
  '*.paid': boolean
  'orders.*.*': number
}

type CreatedMessage = Message<Created, 'orders.created'>
type PaidMessage = Message<Paid, 'orders.paid'>
type UserMessage = Message<{ readonly email: string }, 'users.created'>
type LoadMessage = Message<number, `cpu.${string}.load`>
type LogMessage = Message<string, `logs.${string}`>
type TickMessage = Message<undefined, 'tick'>

/** A broker of which only the types matter: it takes everything and yields nothing. */
function brokerOf<E extends object = AnyEvents>(): MemoryBroker<E> {
  const publish = (): Promise<void> => Promise.resolve()
  const subscribe = (): AsyncIterable<never> => ({
    [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
  })
  return {
    publish,
    publishAndWait: publish,
    subscribe,
    topic: () => ({ publish }),
  } as unknown as MemoryBroker<E>
}

const shop = brokerOf<Shop>()
const untyped = brokerOf()
const runTimeText: string = 'eu'

describe('publish', () => {
  it('takes a literal topic with its own payload only', async () => {
    await shop.publish('orders.paid', { id: 'o1', amount: 5 })
    await shop.publish('tick', undefined)
    await shop.publishAndWait('orders.created', { id: 'o1' })
    // @ts-expect-error amount is missing
    await shop.publish('orders.paid', { id: 'o1' })
    // @ts-expect-error amount is not a text
    await shop.publish('orders.paid', { id: 'o1', amount: '5' })
    // @ts-expect-error one field too many
    await shop.publish('orders.created', { id: 'o1', amount: 5 })
    // @ts-expect-error the payload is missing
    await shop.publish('orders.created')
    // @ts-expect-error amount is missing
    await shop.publishAndWait('orders.paid', { id: 'o1' })
    expectTypeOf<PayloadOf<Shop, 'orders.paid'>>().toEqualTypeOf<Paid>()
  })

  it('refuses topics the map does not have', async () => {
    // @ts-expect-error a misspelt topic
    await shop.publish('orders.payed', { id: 'o1', amount: 5 })
    // @ts-expect-error too few tokens for logs.>
    await shop.publish('logs', 'x')
    // @ts-expect-error an unknown topic known only at run time
    await shop.publish(runTimeText, 'x')
    // @ts-expect-error an unknown topic
    shop.topic('orders.payed')
    expectTypeOf<'orders.payed'>().not.toExtend<TopicOf<Shop>>()
  })

  it('takes topics of a pattern key, by tokens', async () => {
    await shop.publish('cpu.host1.load', 3)
    await shop.publish('logs.a', 'x')
    await shop.publish('logs.a.b.c', 'x')
    // @ts-expect-error a number is wanted
    await shop.publish('cpu.host1.load', '3')
    // @ts-expect-error * stands for one token
    await shop.publish('cpu.host1.core2.load', 3)
    // @ts-expect-error a token is empty
    await shop.publish('logs.', 'x')
    // @ts-expect-error a token is empty
    await shop.publish('logs.a..b', 'x')
    // @ts-expect-error a pattern is no topic
    await shop.publish('cpu.*.load', 3)
    // @ts-expect-error a pattern is no topic
    await shop.publish('logs.>', 'x')
    // @ts-expect-error not even any fits a topic that no key matches
    await shop.publish('cpu.host1.core2.load', JSON.parse('3'))
    expectTypeOf<PayloadOf<Shop, 'cpu.host1.core2.load'>>().toBeNever()
  })

  it('takes topics built from templates', async () => {
    await shop.publish(`cpu.${runTimeText}.load`, 3)
    await shop.publish(`logs.${runTimeText}.${runTimeText}`, 'x')
    // @ts-expect-error a number is wanted
    await shop.publish(`cpu.${runTimeText}.load`, 'x')
    // @ts-expect-error no key is like this
    await shop.publish(`orders.${runTimeText}`, { id: 'o1' })
    expectTypeOf<PayloadOf<Shop, `cpu.${string}.load`>>().toEqualTypeOf<number>()
  })

  it('wants a payload fit for every topic it may be', async () => {
    const either = 'orders.created' as 'orders.created' | 'users.created'
    await shop.publish(either, { id: 'o1', email: 'a@b' })
    // @ts-expect-error the topic may be users.created
    await shop.publish(either, { id: 'o1' })
    expectTypeOf<PayloadOf<{ a: 1 | 2; b: 2 | 3 }, 'a' | 'b'>>().toEqualTypeOf<2>()
  })

  it('prefers the literal key, else takes what any matching pattern key takes', () => {
    expectTypeOf<PayloadOf<Overlapping, 'orders.paid'>>().toEqualTypeOf<Paid>()
    expectTypeOf<PayloadOf<Overlapping, 'orders.new'>>().toEqualTypeOf<Created>()
    expectTypeOf<PayloadOf<Overlapping, 'bills.paid'>>().toEqualTypeOf<boolean>()
    expectTypeOf<PayloadOf<Overlapping, 'orders.new.eu'>>().toEqualTypeOf<number>()
    expectTypeOf<PayloadOf<Overlapping, 'orders.eu.paid'>>().toEqualTypeOf<number>()
    expectTypeOf<PayloadOf<{ 'a.*': 1; '*.b': 2 }, 'a.b'>>().toEqualTypeOf<1 | 2>()
    expectTypeOf<PayloadOf<{ '*': 1; '>': 2 }, 'a.b'>>().toEqualTypeOf<2>()
  })

  it('lists the topics it takes', () => {
    type Literals = 'orders.created' | 'orders.paid' | 'users.created' | 'tick'
    expectTypeOf<TopicOf<Shop>>().toEqualTypeOf<Literals | `cpu.${string}.load` | `logs.${string}`>()
    expectTypeOf<TopicOf<{ '*.x.>': 1 }>>().toEqualTypeOf<`${string}.x.${string}`>()
  })
})

describe('subscribe', () => {
  it('yields a union told apart by topic', async () => {
    const subscription = shop.subscribe('orders.*')
    expectTypeOf(subscription).toEqualTypeOf<Subscription<CreatedMessage | PaidMessage>>()
    for await (const message of subscription) {
      if (message.topic === 'orders.paid') expectTypeOf(message.payload).toEqualTypeOf<Paid>()
      else expectTypeOf(message.payload).toEqualTypeOf<Created>()
      // @ts-expect-error only after the topic is known
      message.payload.amount satisfies number
    }
  })

  it('gives handlers and options the same messages', () => {
    shop.subscribe('orders.*', (message) => {
      expectTypeOf(message).toEqualTypeOf<CreatedMessage | PaidMessage>()
    })
    shop.subscribe('users.*', { overflow: 'latest', key: (message) => message.payload.email })
    shop.subscribe('cpu.*.load', (message) => message.payload.toFixed(), { capacity: 9 })
    // @ts-expect-error cpu.*.load carries numbers
    shop.subscribe('cpu.*.load', (message) => message.payload.email)
    // @ts-expect-error orders.created has no amount
    shop.subscribe('orders.*', { overflow: 'latest', key: (message) => message.payload.amount })
  })

  it('refuses patterns no topic can match, and says so', () => {
    // @ts-expect-error misspelt
    shop.subscribe('order.*')
    // @ts-expect-error misspelt, with a handler
    shop.subscribe('order.*', () => {})
    // @ts-expect-error too few tokens
    shop.subscribe('orders')
    // @ts-expect-error too many tokens
    shop.subscribe('orders.*.*')
    // @ts-expect-error > takes at least one token
    shop.subscribe('tick.>')
    // @ts-expect-error cpu.*.load has three tokens
    shop.subscribe('cpu.*')
    // @ts-expect-error a literal no key has
    shop.subscribe('orders.payed')
    // @ts-expect-error not a pattern: empty token
    shop.subscribe('logs.')
    // @ts-expect-error not a pattern: > inside
    shop.subscribe('logs.>.x')
    expectTypeOf<'No topic of this broker matches "order.*"'>().toExtend<ValidPattern<Shop, 'order.*'>>()
    expectTypeOf<ValidPattern<Shop, 'orders.*'>>().toEqualTypeOf<'orders.*'>()
  })

  it('refuses what is no pattern, even where every pattern has topics', () => {
    const broker = brokerOf<{ '>': number }>()
    // @ts-expect-error no token
    broker.subscribe('')
    // @ts-expect-error an empty token at the start
    broker.subscribe('.a')
    // @ts-expect-error an empty token in the middle
    broker.subscribe('a..b')
    // @ts-expect-error an empty token at the end
    broker.subscribe('a.')
    expectTypeOf(broker.subscribe('a.*.b.>')).toEqualTypeOf<Subscription<Message<number>>>()
  })

  it('takes every key a pattern can meet, by tokens and both ways', () => {
    expectTypeOf<MessageOf<Shop, 'orders.paid'>>().toEqualTypeOf<PaidMessage>()
    expectTypeOf<MessageOf<Overlapping, 'orders.paid'>>().toEqualTypeOf<PaidMessage>()
    expectTypeOf<MessageOf<Shop, '*.created'>>().toEqualTypeOf<CreatedMessage | UserMessage | LogMessage>()
    expectTypeOf<MessageOf<Shop, '*'>>().toEqualTypeOf<TickMessage>()
    expectTypeOf<MessageOf<Shop, '*.*.load'>>().toEqualTypeOf<LoadMessage | LogMessage>()
    expectTypeOf<MessageOf<Shop, 'cpu.host1.*'>>().toEqualTypeOf<LoadMessage>()
    expectTypeOf<MessageOf<Shop, 'cpu.host1.load'>>().toEqualTypeOf<LoadMessage>()
    expectTypeOf<MessageOf<Shop, 'cpu.>'>>().toEqualTypeOf<LoadMessage>()
    expectTypeOf<MessageOf<Shop, 'logs.a.b'>>().toEqualTypeOf<LogMessage>()
    expectTypeOf<MessageOf<Shop, 'orders.>' | 'users.*'>>().toEqualTypeOf<
      CreatedMessage | PaidMessage | UserMessage
    >()
  })

  it('follows > and * through literal keys of different lengths', () => {
    type Deep = { a: 0; 'a.b': 1; 'a.b.c': 2; 'a.x.c': 3; 'a.x.y.c': 4; 'b.b.c': 5; 'a.p.q.y.c': 6 }
    expectTypeOf<MessageOf<Deep, 'a.>'>['payload']>().toEqualTypeOf<1 | 2 | 3 | 4 | 6>()
    expectTypeOf<MessageOf<Deep, 'a.*'>['payload']>().toEqualTypeOf<1>()
    expectTypeOf<MessageOf<Deep, 'a.*.c'>['payload']>().toEqualTypeOf<2 | 3>()
    expectTypeOf<MessageOf<Deep, '*.b.>'>['payload']>().toEqualTypeOf<2 | 5>()
    expectTypeOf<MessageOf<Deep, 'a.*.y.>'>['payload']>().toEqualTypeOf<4>()
    expectTypeOf<MessageOf<Deep, '*.*.>'>['payload']>().toEqualTypeOf<2 | 3 | 4 | 5 | 6>()
    expectTypeOf<MessageOf<Deep, '>'>['payload']>().toEqualTypeOf<0 | 1 | 2 | 3 | 4 | 5 | 6>()
  })

  it('meets pattern keys by the same rules', () => {
    type Patterns = { '*.created': 1; 'orders.>': 2; '*.*.x': 3; 'a.*': 4 }
    expectTypeOf<MessageOf<Patterns, 'orders.*'>['payload']>().toEqualTypeOf<1 | 2>()
    expectTypeOf<MessageOf<Patterns, 'orders.*.x'>['payload']>().toEqualTypeOf<2 | 3>()
    expectTypeOf<MessageOf<Patterns, 'orders.>'>['payload']>().toEqualTypeOf<1 | 2 | 3>()
    expectTypeOf<MessageOf<Patterns, 'a.b.>'>['payload']>().toEqualTypeOf<3>()
    expectTypeOf<MessageOf<Patterns, 'a.b'>['payload']>().toEqualTypeOf<4>()
    expectTypeOf<ValidPattern<Patterns, 'b.c'> & 'b.c'>().toBeNever()
  })

  it('yields everything when the pattern is known only at run time', () => {
    type Every = CreatedMessage | PaidMessage | UserMessage | LoadMessage | LogMessage | TickMessage
    expectTypeOf(shop.subscribe(runTimeText)).toEqualTypeOf<Subscription<Every>>()
    expectTypeOf(shop.subscribe('>')).toEqualTypeOf<Subscription<Every>>()
  })

  it('takes a ${string} for a token, and at the end for any number of them', () => {
    const one = shop.subscribe(`cpu.${runTimeText}.load`)
    const many = brokerOf<{ 'a.b': 1; 'a.b.c': 2; 'b.c': 3 }>().subscribe(`a.${runTimeText}`)
    expectTypeOf(one).toEqualTypeOf<Subscription<LoadMessage>>()
    expectTypeOf(many).toEqualTypeOf<Subscription<Message<1, 'a.b'> | Message<2, 'a.b.c'>>>()
    // @ts-expect-error no key begins like this
    shop.subscribe(`order.${runTimeText}`)
  })
})

describe('an untyped broker', () => {
  it('takes any topic, payload and pattern', async () => {
    await untyped.publish('a', 1)
    await untyped.publish(runTimeText, { any: 'thing' })
    for await (const message of untyped.subscribe('a.*')) message.payload.whatever.it.is()
    untyped.subscribe(runTimeText, (message) => {
      expectTypeOf(message.topic).toEqualTypeOf<string>()
      expectTypeOf(message.payload).toBeAny()
    })
    expectTypeOf<TopicOf<AnyEvents>>().toEqualTypeOf<string>()
    expectTypeOf<PayloadOf<AnyEvents, 'a.b'>>().toBeAny()
  })

  it('still wants a topic that is text', async () => {
    // @ts-expect-error a number is no topic
    await untyped.publish(7, 'x')
    expectTypeOf<Parameters<typeof untyped.publish>[0]>().toEqualTypeOf<string>()
  })
})

describe('brokers of different maps', () => {
  it('lets code that does not care take any broker, and keeps the rest apart', () => {
    const memory: MemoryBroker = shop
    const typed: Broker<Shop> = shop
    const any: Broker = typed
    // @ts-expect-error the topics are others
    const other: Broker<Overlapping> = typed
    expect([memory, any, other]).toEqual([shop, shop, shop])
  })

  it('takes maps that are types, interfaces or have an index signature', () => {
    expectTypeOf<TopicOf<Record<'a' | 'b.*', number>>>().toEqualTypeOf<'a' | `b.${string}`>()
    expectTypeOf<MessageOf<Record<string, number>, 'x.*'>>().toEqualTypeOf<Message<number>>()
    expectTypeOf<PayloadOf<Record<string, number>, 'x'>>().toEqualTypeOf<number>()
  })
})
