import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assertBalanced,
  type HandlerSubscription,
  type Message,
  OffsetEvictedError,
  OffsetOutOfRangeError,
  type Position,
  type Subscription,
} from '../../src/index.ts'
import { createLogBroker, type LogMessage } from '../../src/log/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { fcParameters } from '../support/seed.ts'
import { rejection, turn } from '../support/watch.ts'
import { evictionOf, ReferenceLog, ReferenceReader, type Remembered } from './world.ts'

const topics = ['a', 'a.x', 'a.y', 'b.x'] as const
const patterns = ['a', 'a.x', 'b.x', 'a.*', '*.x', '>', 'a.>', 'never.*'] as const
const styles = ['poll', 'loop', 'batches', 'handler'] as const

interface From {
  readonly kind: 'start' | 'end' | 'offset' | 'last' | 'date'
  readonly n: number
}

type Step =
  | { readonly do: 'publish'; readonly topic: (typeof topics)[number]; readonly times: number }
  | {
      readonly do: 'subscribe'
      readonly pattern: string
      readonly style: (typeof styles)[number]
      readonly from: From
    }
  | { readonly do: 'poll'; readonly reader: number; readonly times: number }
  | { readonly do: 'next'; readonly reader: number }
  | { readonly do: 'close'; readonly reader: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'turn' }

const small = fc.nat({ max: 12 })
const from: fc.Arbitrary<From> = fc.record({
  kind: fc.constantFrom('start', 'end', 'offset', 'last', 'date'),
  n: small,
})
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      topic: fc.constantFrom(...topics),
      times: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      pattern: fc.constantFrom(...patterns),
      style: fc.constantFrom(...styles),
      from,
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('poll' as const), reader: small, times: small }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('next' as const), reader: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), reader: small }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: -50, max: 99 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
)

/** One reader beside its reference. Those that read by themselves are compared after each turn. */
interface Pair {
  readonly reference: ReferenceReader
  readonly style: (typeof styles)[number]
  readonly subscription: Subscription<Message & LogMessage> | HandlerSubscription
  readonly got: LogMessage[]
  error: unknown
  closed: boolean
}

class World {
  readonly clock = new ManualClock()
  readonly reference: ReferenceLog
  readonly pairs: Pair[] = []
  readonly #broker
  readonly #told: unknown[] = []
  /** What the next turn must find to be true. */
  readonly #later: Promise<unknown>[] = []

  constructor(keep: number) {
    this.reference = new ReferenceLog(keep)
    const observer = { closed: ({ error }: { error: unknown }) => void this.#told.push(error) }
    this.#broker = createLogBroker({ retention: { count: keep }, clock: this.clock, observer })
  }

  /** Runs one step. Readers that read by themselves get a turn only where it returns a promise. */
  run(each: Step): Promise<void> | undefined {
    if (each.do === 'turn') return this.#turn()
    if (each.do === 'publish') for (let left = each.times; left > 0; left--) this.#publish(each.topic)
    else if (each.do === 'subscribe') return this.#subscribe(each.pattern, each.style, each.from)
    else if (each.do === 'pass') return this.#pass(each.ms)
    else return this.#read(each)
    this.check()
    return undefined
  }

  check(): void {
    const ledger = this.#broker.ledger()
    assertBalanced(ledger)
    const { all } = this.reference
    const retained = this.reference.retained('>').length
    expect(ledger.log).toMatchObject({ appended: all.length, retained, evicted: all.length - retained })
    expect([ledger.published, ledger.unrouted]).toEqual([all.length, 0])
    for (const { style, subscription, reference, closed } of this.pairs)
      if (style === 'poll' && !closed) expect(subscription.pending).toBe(reference.pending)
  }

  /** Everything that is left reaches everybody who is still there, and then all is over. */
  async end(): Promise<void> {
    await this.#turn()
    for (const topic of topics) this.#publish(topic)
    const drained = this.#broker.drain()
    for (const each of this.pairs) this.#poll(each, Number.POSITIVE_INFINITY)
    await this.#turn()
    await drained
    for (const { subscription } of this.pairs) expect(subscription.closed).toBe(true)
    expect(this.clock.timers).toBe(0)
  }

  /** Time is read once per turn. */
  #pass(ms: number): Promise<void> {
    this.clock.advance(ms)
    return this.#turn()
  }

  async #turn(): Promise<void> {
    await turn()
    await Promise.all(this.#later.splice(0))
    for (const pair of this.pairs) compare(pair, this.#told)
    this.check()
  }

  #publish(topic: string): void {
    const { offset, seq } = this.reference.append(topic, this.clock.now())
    const expected = { level: 'accepted', routed: true, offset, seq }
    this.#later.push(this.#broker.publish(topic, seq).then((receipt) => expect(receipt).toEqual(expected)))
  }

  #subscribe(pattern: string, style: Pair['style'], from: From): Promise<void> | undefined {
    const position = this.#position(pattern, from)
    const start = this.reference.start(pattern, position)
    if (typeof start === 'string') {
      const expected = start === 'evicted' ? OffsetEvictedError : OffsetOutOfRangeError
      expect(() => this.#broker.subscribe(pattern, { from: position })).toThrow(expected)
      this.check()
      return undefined
    }
    const got: LogMessage[] = []
    const reference = new ReferenceReader(this.reference, pattern, start)
    const open = (): Pair['subscription'] =>
      style === 'handler'
        ? this.#broker.subscribe(pattern, (message) => void got.push(message), { from: position })
        : this.#broker.subscribe(pattern, { from: position })
    const pair: Pair = { reference, style, subscription: open(), got, error: undefined, closed: false }
    this.pairs.push(pair)
    if (style !== 'loop' && style !== 'batches') return undefined
    void follow(pair) // it takes its first record at once: let it take all
    return this.#turn()
  }

  #position(pattern: string, from: From): Position {
    if (from.kind === 'start' || from.kind === 'end') return from.kind
    if (from.kind === 'date') return new Date(1_700_000_000_000 + from.n * 10)
    if (from.kind === 'last' || pattern.includes('*') || pattern.includes('>')) return -from.n
    return from.n
  }

  #read(each: Step & { readonly reader: number }): Promise<void> | undefined {
    const pair = this.pairs[each.reader % Math.max(1, this.pairs.length)]
    if (pair === undefined) return undefined
    if (each.do === 'poll') this.#poll(pair, each.times)
    if (each.do === 'next') this.#next(pair)
    if (each.do !== 'close') return undefined
    return this.#turn().then(() => {
      pair.closed = true
      pair.subscription.close()
    })
  }

  #poll(pair: Pair, times: number): void {
    const reader = this.#polled(pair)
    if (reader === undefined) return
    for (let left = times; left > 0; left--) {
      const expected = pair.reference.take()
      expect(same(reader.poll())).toEqual(expected)
      if (expected === undefined) return this.#evicted(pair, reader)
    }
  }

  #next(pair: Pair): void {
    const reader = this.#polled(pair)
    if (reader === undefined || !pair.reference.ready) return
    const expected = pair.reference.take()
    if (expected === undefined) return this.#evicted(pair, reader)
    this.#later.push(reader.next().then(({ value }) => expect(same(value)).toEqual(expected)))
  }

  /** The subscription, if the test itself reads it. */
  #polled({ style, closed, subscription }: Pair): Subscription<Message & LogMessage> | undefined {
    return style === 'poll' && !closed ? (subscription as Subscription<Message & LogMessage>) : undefined
  }

  /** A reader that was overtaken says so once, and then it is over. */
  #evicted(pair: Pair, reader: Subscription): void {
    const { error } = pair.reference
    if (error === undefined) return
    pair.closed = true
    const told = rejection(reader.next()).then((thrown) => expect(evictionOf(thrown)).toEqual(error))
    expect(reader.closed).toBe(true)
    const over = told.then(async () => expect(await reader.next()).toEqual({ value: undefined, done: true }))
    this.#later.push(over)
  }
}

/** What a reader that reads by itself has got, and how it ended, is what the reference says. */
function compare({ style, got, reference, closed, ...pair }: Pair, told: readonly unknown[]): void {
  if (style === 'poll' || closed) return
  expect(got.splice(0).map(same)).toEqual(reference.takeAll())
  if (reference.error === undefined) return
  expect(pair.subscription.closed).toBe(true)
  if (style === 'handler') expect(told.some((error) => isAbout(error, reference))).toBe(true)
  else expect(evictionOf(pair.error)).toEqual(reference.error)
}

async function follow(pair: Pair): Promise<void> {
  const reader = pair.subscription as Subscription<Message & LogMessage>
  try {
    if (pair.style === 'loop') for await (const message of reader) pair.got.push(message)
    else for await (const messages of reader.batches({ max: 3 })) pair.got.push(...messages)
  } catch (error) {
    pair.error = error
  }
}

function isAbout(error: unknown, { error: expected }: ReferenceReader): boolean {
  return (
    error instanceof OffsetEvictedError &&
    error.topic === expected?.topic &&
    error.requested === expected.requested
  )
}

function same(message: LogMessage | undefined): Remembered | undefined {
  if (message === undefined) return undefined
  const { topic, offset, seq, time, payload } = message
  expect(payload).toBe(seq)
  return { topic, offset, seq, time }
}

describe('a subscription with from', () => {
  it('gets every record from its position on, once, in order, then what comes; or says what it has missed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
        async (keep, steps) => {
          const world = new World(keep)
          for (const each of steps) {
            const over = world.run(each)
            if (over !== undefined) await over
          }
          await world.end()
        },
      ),
      fcParameters(300),
    )
  })
})
