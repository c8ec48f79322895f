import { getEventListeners } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import {
  assertBalanced,
  createBroker,
  type HandlerSubscription,
  type MemoryBroker,
  type Message,
  type SubscribeOptions,
  type Subscription,
  systemClock,
} from '../../src/index.ts'
import { Interleaver } from '../support/interleaver.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { fcParameters, random, seed } from '../support/seed.ts'

const topics = ['a.x', 'a.y', 'b.x']
const patterns = ['a.x', 'a.*', '*.x', '>']
const expected = [
  'SPW_PUBLISH_TIMEOUT',
  'SPW_MAILBOX_FULL',
  'SPW_BROKER_CLOSED',
  'SPW_SELF_BLOCK',
  'SPW_ABORTED',
]

interface Payload {
  readonly from: number
  readonly number: number
}

/** Publishers, readers, handlers, closers, aborters and drainers on one broker, in an order that the seed decides. */
class Play {
  readonly clock: ManualClock | undefined
  readonly broker: MemoryBroker
  readonly #actors: Interleaver
  readonly #signals: AbortSignal[] = []
  readonly #subscriptions: (Subscription | HandlerSubscription)[] = []
  /** Readers whose `next()` has not settled. */
  readonly #waiting = new Set<Subscription>()
  #publishers = 0

  constructor(next: () => number, clock: ManualClock | undefined) {
    this.#actors = new Interleaver(next)
    this.clock = clock
    const observer = this.#actors.chance(0.3) ? { dropped: () => this.#check() } : {}
    const quiet = { warning: () => undefined, handlerError: () => undefined }
    this.broker = createBroker({ clock: clock ?? systemClock, observer: { ...quiet, ...observer } })
  }

  async run(): Promise<void> {
    const actors = this.#actors
    for (let n = 2 + actors.below(4); n > 0; n--) actors.start(() => this.#publisher())
    for (let n = 1 + actors.below(4); n > 0; n--) actors.start(() => this.#reader())
    for (let n = 1 + actors.below(3); n > 0; n--) actors.start(() => this.#handler())
    for (let n = 1 + actors.below(3); n > 0; n--) actors.start(() => this.#ender())
    actors.start(() => this.#finisher())
    await actors.run(
      () => this.#rested(),
      () => this.clock?.advance(10_000),
    )
    await this.broker.close()
    await setImmediate()
    this.#rested()
    expect(this.broker.ledger().mailboxes).toEqual([])
    expect(this.clock?.timers ?? 0).toBe(0)
    expect(this.#signals.flatMap((signal) => getEventListeners(signal, 'abort'))).toEqual([])
  }

  #check(): void {
    assertBalanced(this.broker.ledger())
  }

  /** Whatever happened has run its course: the books balance, and nobody waits for what is there to be taken. */
  #rested(): void {
    this.#check()
    for (const reader of this.#waiting) {
      expect(reader.closed, `${reader.id} waits although it is closed`).toBe(false)
      expect(reader.pending, `${reader.id} waits although messages are pending`).toBe(0)
    }
    if (this.#actors.chance(0.05)) this.clock?.advance(this.#actors.below(200))
  }

  #signal(): AbortController {
    const controller = new AbortController()
    this.#signals.push(controller.signal)
    return controller
  }

  /** Options for a subscription, alone or in a group; aborted at some time by an actor of its own, or not. */
  #options(): SubscribeOptions {
    const actors = this.#actors
    const controller = this.#signal()
    if (actors.chance(0.2)) {
      actors.start(async () => {
        for (let n = actors.below(20); n > 0; n--) await actors.pause()
        controller.abort()
      })
    }
    const { signal } = controller
    if (actors.chance(0.3)) return { signal, group: 'g' }
    const capacity = actors.pick([1, 2, 3, 16, 17])
    const policies: readonly SubscribeOptions[] = [
      { overflow: 'drop-newest' },
      { overflow: 'drop-oldest' },
      { overflow: 'latest', key: ({ payload }) => (payload as Payload).from },
      { overflow: 'block', blockTimeoutMs: actors.pick([5, 100, Number.POSITIVE_INFINITY]) },
      { overflow: 'fail' },
      { overflow: 'disconnect' },
    ]
    return { ...actors.pick(policies), capacity, signal }
  }

  async #publisher(): Promise<void> {
    const actors = this.#actors
    const from = ++this.#publishers
    const topic = actors.pick(topics)
    const bound = this.broker.topic(topic)
    const sent: Promise<unknown>[] = []
    for (let number = 0; number < 20; number++) {
      const controller = this.#signal()
      const { signal } = controller
      const ways = [
        () => this.broker.publish(topic, { from, number }),
        () => bound.publish({ from, number }),
        () => this.broker.publish(topic, { from, number }, { signal }),
        () => this.broker.publishAndWait(topic, { from, number }, { signal, timeoutMs: 50 }),
      ]
      const publish = actors.pick(ways)().catch(expectedFailure)
      sent.push(publish)
      if (actors.chance(0.3)) await actors.pause()
      if (actors.chance(0.1)) controller.abort(Object.assign(new Error('enough'), { code: 'SPW_ABORTED' }))
      if (actors.chance(0.4)) await publish
    }
    await Promise.all(sent)
  }

  async #reader(): Promise<void> {
    const actors = this.#actors
    const reader = this.broker.subscribe(actors.pick(patterns), this.#options())
    this.#subscriptions.push(reader)
    const take = this.#taker()
    const lifetime = actors.below(60)
    for (let step = 0; step < lifetime; step++) {
      if (actors.chance(0.5)) await actors.pause()
      const result = await this.#next(reader)
      if (result === undefined) break
      take(result)
      for (let more = actors.below(3); more > 0; more--) {
        const { closed } = reader
        const message = reader.poll()
        if (message === undefined) break
        expect(closed).toBe(false)
        take(message)
      }
    }
    await reader.return()
    expect(reader.poll()).toBeUndefined()
    expect(await this.#next(reader)).toBeUndefined()
  }

  async #next(reader: Subscription): Promise<Message | undefined> {
    this.#waiting.add(reader)
    try {
      return (await reader.next()).value
    } catch (error) {
      expect(error).toMatchObject({ code: 'SPW_SLOW_SUBSCRIBER' })
      return undefined
    } finally {
      this.#waiting.delete(reader)
    }
  }

  async #handler(): Promise<void> {
    const actors = this.#actors
    const take = this.#taker()
    const from = ++this.#publishers
    let number = 0
    const handler = async (message: Message): Promise<void> => {
      take(message)
      if (actors.chance(0.2))
        void this.broker.publish('a.x', { from, number: number++ }).catch(expectedFailure)
      if (actors.chance(0.5)) await actors.pause()
      if (actors.chance(0.1)) throw new Error('of the handler')
      if (actors.chance(0.1))
        await this.broker.publish('b.x', { from, number: number++ }).catch(expectedFailure)
    }
    const own = this.broker.subscribe(actors.pick(patterns), handler, {
      ...this.#options(),
      delivery: actors.pick(['direct', 'queued']),
    })
    this.#subscriptions.push(own)
    await actors.pause()
  }

  async #ender(): Promise<void> {
    const actors = this.#actors
    for (let n = 3 + actors.below(30); n > 0; n--) await actors.pause()
    if (this.#subscriptions.length === 0) return
    const victim = actors.pick(this.#subscriptions)
    if (actors.chance(0.5)) victim.close()
    else await victim.drain({ timeoutMs: actors.pick([0, 20, 1000]) })
    expect(victim.closed).toBe(true)
    expect(victim.pending).toBe(0)
  }

  async #finisher(): Promise<void> {
    const actors = this.#actors
    for (let n = actors.below(120); n > 0; n--) await actors.pause()
    if (this.clock === undefined || actors.chance(0.5)) await this.broker.close()
    else await Promise.all([this.broker.drain({ timeoutMs: 500 }), this.broker.drain()])
    expect(this.#subscriptions.every(({ closed }) => closed)).toBe(true)
  }

  /** Checks that one publisher's messages arrive once and in order. */
  #taker(): (message: Message) => void {
    const last = new Map<number, number>()
    return ({ payload }) => {
      const { from, number } = payload as Payload
      expect(number, `of publisher ${from}`).toBeGreaterThan(last.get(from) ?? -1)
      last.set(from, number)
    }
  }
}

function expectedFailure(error: unknown): void {
  expect(expected).toContain((error as { code?: unknown }).code)
}

const plays = fcParameters(500).numRuns ?? 500

it(`keeps its promises in ${plays} random interleavings`, async () => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', note)
  const timeouts = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  try {
    for (let play = 0; play < plays; play++) {
      const before = timeouts()
      // Every tenth runs on the clock of the machine, to see that no timer outlives its broker.
      const clock = play % 10 === 0 ? undefined : new ManualClock()
      try {
        await new Play(random(seed + play), clock).run()
        expect(unhandled).toEqual([])
        expect(timeouts()).toBeLessThanOrEqual(before)
      } catch (error) {
        throw new Error(`interleaving ${play}: repeat alone with SPILLWAY_SEED=${seed + play}`, {
          cause: error,
        })
      }
    }
  } finally {
    process.off('unhandledRejection', note)
  }
}, 300_000)
