import { expect } from 'vitest'
import { assertBalanced, type Broker, type Message } from '../../src/index.ts'
import {
  assertConsumerBalanced,
  type BatchConsumerOptions,
  consume,
  consumeBatches,
  type Consumer,
  type DeadLetterBroker,
  type SourceOptions,
} from '../../src/flow/index.ts'
import type { ManualClock } from '../support/manual-clock.ts'
import { Failure, quiet } from './helpers.ts'

/** What a handler does with one attempt at a message. `hang` settles when the script says so, or never. */
export type Way = 'ok' | 'throw' | 'ok-later' | 'reject' | 'hang'

/** One step of a script. */
export type Step =
  | { readonly do: 'publish'; readonly key: number; readonly ways: readonly Way[] }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'finish'; readonly index: number; readonly ok: boolean }
  | { readonly do: 'pause' | 'resume'; readonly index: number }
  | { readonly do: 'replace'; readonly index: number; readonly timeoutMs: number }
  | { readonly do: 'cemetery'; readonly open: boolean }

export interface Shape {
  readonly concurrency: number
  readonly keyed: boolean
  readonly batch: boolean
  readonly dedupe: boolean
  readonly circuit: boolean
  readonly rate: boolean
  readonly consumers: number
}

interface Payload {
  readonly n: number
  readonly key: number
  readonly ways: readonly Way[]
}

/** What order is judged by. */
interface Order {
  /** How many calls that have not been given up have this key in their hands. */
  readonly held: Map<number, number>
  /** The newest message of each key that was begun. */
  readonly begun: Map<number, number>
}

/** A call that the script may settle. */
interface Hanging {
  readonly settle: (ok: boolean) => void
}

const maxParked = 4
const lookAhead = 3
const maxBatch = 3

/** Consumers on one pattern, and what must be true of them whatever happens. */
export class FlowWorld {
  readonly handled: Set<number> = new Set<number>()
  readonly dead: Set<number> = new Set<number>()
  readonly returned: Set<number> = new Set<number>()
  readonly consumers: Consumer[] = []
  published = 0
  /** From now on every attempt succeeds. */
  healed = false
  readonly #broker: Broker
  readonly #clock: ManualClock
  readonly #shape: Shape
  readonly #subscribe: SourceOptions<Message>
  #hanging: Hanging[] = []
  #open = true
  /** What all members of a group see together; without a group each consumer sees its own. */
  readonly #shared: Order | undefined
  readonly #wrong: string[] = []

  constructor(broker: Broker, clock: ManualClock, shape: Shape, subscribe: SourceOptions<Message>) {
    this.#broker = broker
    this.#clock = clock
    this.#shape = shape
    this.#subscribe = subscribe
    this.#shared = subscribe.group === undefined ? undefined : { held: new Map(), begun: new Map() }
    for (let made = 0; made < shape.consumers; made++) this.#start()
  }

  async step(step: Step): Promise<void> {
    const consumer = 'index' in step ? this.consumers[step.index % this.consumers.length] : undefined
    switch (step.do) {
      case 'publish':
        await this.#publish(step.key, step.ways)
        break
      case 'advance':
        this.#clock.advance(step.ms)
        break
      case 'finish':
        this.#hanging.splice(step.index % Math.max(1, this.#hanging.length), 1)[0]?.settle(step.ok)
        break
      case 'pause':
        consumer?.pause()
        break
      case 'resume':
        consumer?.resume()
        break
      case 'replace':
        if (consumer !== undefined) this.#replace(consumer, step.timeoutMs)
        break
      case 'cemetery':
        this.#open = step.open
    }
    await quiet()
    this.check()
  }

  /** Everything is mended: whatever can be finished is. */
  async heal(): Promise<void> {
    this.healed = true
    this.#open = true
    for (const consumer of this.consumers) consumer.resume()
    for (const { settle } of this.#hanging.splice(0)) settle(true)
    for (let rounds = 0; rounds < 200 && !this.#quiet(); rounds++) {
      this.#clock.advance(500)
      await quiet()
      this.check()
    }
  }

  /** What is true after every step. */
  check(): void {
    expect(this.#wrong).toEqual([])
    assertBalanced(this.#broker.ledger())
    const { batch, concurrency, keyed, dedupe } = this.#shape
    const slots = concurrency * (batch ? maxBatch : 1)
    for (const consumer of this.consumers) {
      const ledger = consumer.ledger()
      assertConsumerBalanced(ledger)
      const { parked, queued, running } = ledger.inFlight
      expect(running).toBeLessThanOrEqual(slots)
      expect(parked).toBeLessThanOrEqual(maxParked + slots)
      // One that was asked for may come when nothing can begin; a batch that waits is taken as well.
      const waiting = (keyed || dedupe ? lookAhead : 0) + 1 + (batch ? maxBatch : 0)
      expect(queued).toBeLessThanOrEqual(waiting + slots)
    }
  }

  #quiet(): boolean {
    const settled = this.consumers.every((consumer) => {
      if (consumer.state === 'ended') return true
      return Object.values(consumer.ledger().inFlight).every((count) => count === 0)
    })
    return settled && this.handled.size + this.dead.size >= this.published
  }

  async #publish(key: number, ways: readonly Way[]): Promise<void> {
    const n = this.published++
    const payload: Payload = { n, key, ways }
    await this.#broker.publish('jobs', payload, { id: `job-${n}`, key: String(key) })
  }

  /** Ends a consumer and starts another one in its place. */
  #replace(consumer: Consumer, timeoutMs: number): void {
    if (timeoutMs === 0) void consumer.close()
    else void consumer.drain({ timeoutMs })
    this.consumers.splice(this.consumers.indexOf(consumer), 1)
    this.#start()
    this.consumers.push(consumer) // it is watched until the end
  }

  #start(): void {
    const { batch, circuit, concurrency, dedupe, keyed, rate } = this.#shape
    const order = this.#shared ?? { held: new Map<number, number>(), begun: new Map<number, number>() }
    const source = { broker: this.#broker, pattern: 'jobs', subscribe: this.#subscribe }
    const options: BatchConsumerOptions = {
      clock: this.#clock,
      concurrency,
      lookAhead,
      dedupe,
      deadlineMs: 700,
      retry: { attempts: 3, firstMs: 50, jitter: 0.5, maxParked },
      deadLetter: { broker: this.#cemetery() },
      observer: {
        handlerError: () => undefined,
        deadLetterFailed: () => undefined,
        ended: () => undefined,
        returned: ({ message }) => this.returned.add((message.payload as Payload).n),
      },
      ...(keyed && { orderingKey: ({ payload }: Message) => (payload as Payload).key }),
      ...(circuit && { circuit: { failures: 3, openMs: 200 } }),
      ...(rate && { rate: { perSecond: 20, burst: 2 } }),
    }
    const consumer = batch
      ? consumeBatches(source, (messages, context) => this.#handleBatch(messages, context, order), {
          ...options,
          maxBatch,
          lingerMs: 20,
        })
      : consume(source, (message, { attempt, signal }) => this.#handle(message, attempt, signal, order), {
          ...(options as object),
        })
    this.consumers.unshift(consumer)
  }

  #handle(message: Message, attempt: number, signal: AbortSignal, order: Order): unknown {
    const { n } = message.payload as Payload
    const release = this.#begin([message], signal, order)
    const note = (): void => void this.handled.add(n)
    switch (this.#wayOf(message, attempt)) {
      case 'ok':
        release()
        note()
        return undefined
      case 'throw':
        release()
        throw new Failure(`${n}`)
      case 'ok-later':
        return quiet().then(release).then(note)
      case 'reject':
        return quiet()
          .then(release)
          .then(() => Promise.reject(new Failure(`${n}`)))
      default:
        return this.#hang(signal).finally(release).then(note)
    }
  }

  async #handleBatch(
    messages: readonly Message[],
    context: { readonly signal: AbortSignal; attemptOf(message: Message): number },
    order: Order,
  ): Promise<readonly Message[]> {
    expect(messages.length).toBeLessThanOrEqual(maxBatch)
    const release = this.#begin(messages, context.signal, order)
    const ways = messages.map((message) => this.#wayOf(message, context.attemptOf(message)))
    try {
      if (ways.includes('hang')) await this.#hang(context.signal)
      else await quiet()
    } finally {
      release()
    }
    const handled = messages.filter((_message, index) => ways[index]?.startsWith('ok') === true)
    for (const { payload } of handled) this.handled.add((payload as Payload).n)
    return handled
  }

  #wayOf({ payload }: Message, attempt: number): Way {
    const { ways } = payload as Payload
    return this.healed ? 'ok' : (ways[Math.min(attempt, ways.length) - 1] ?? 'ok')
  }

  /** Notes what must not be: two calls at once with one key, or an older message of a key after a newer one. */
  #begin(messages: readonly Message[], signal: AbortSignal, { begun, held }: Order): () => void {
    const keys = messages.map(({ payload }) => (payload as Payload).key)
    let open = true
    const release = (): void => {
      if (!open) return
      open = false
      for (const key of keys) held.set(key, (held.get(key) ?? 0) - 1)
    }
    for (const { payload } of messages) {
      const { key, n } = payload as Payload
      if (this.#shape.keyed && (held.get(key) ?? 0) > 0) this.#wrong.push(`${n} beside another of ${key}`)
      const last = begun.get(key) ?? -1
      if (this.#shape.keyed && n < last) this.#wrong.push(`${n} after ${last} of ${key}`)
      begun.set(key, Math.max(n, last))
      held.set(key, (held.get(key) ?? 0) + 1)
    }
    // A call that is given up has to stop: from then on it does not count.
    signal.addEventListener('abort', release)
    return release
  }

  #hang(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (ok: boolean): void => (ok ? resolve() : reject(new Failure('hung')))
      const hanging = { settle }
      this.#hanging.push(hanging)
      signal.addEventListener('abort', () => {
        // Some heed their signal, some are settled by the script much later, or never.
        if (this.#hanging.length % 2 === 0) reject(new Failure('aborted'))
      })
    })
  }

  /** Where dead letters go: it may refuse them for a while. */
  #cemetery(): DeadLetterBroker {
    const { capabilities } = this.#broker
    return {
      capabilities,
      publish: async (topic: string, payload: Payload, options: object) => {
        if (!this.#open) throw new Failure('closed for today')
        const receipt = await this.#broker.publish(topic, payload, options)
        this.dead.add(payload.n)
        return { ...receipt, routed: true }
      },
    }
  }
}
