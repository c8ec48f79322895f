import type { Clock } from '../core/clock.ts'
import type { PublishOptions, Receipt } from '../core/contract.ts'
import type { Headers, Message } from '../core/message.ts'
import { checkTopic, matches } from '../core/topic.ts'
import type { DeadLetterBroker } from './contract.ts'
import { DeadLetterError } from './errors.ts'
import type { Item } from './item.ts'
import { deadLetterHeaders, headerOf } from './dead-letter-headers.ts'
import type { DeadLetterReason } from './observer.ts'
import type { Reports } from './reports.ts'
import { backOffMs, type RetrySettings } from './settings.ts'

/** Where dead letters go, and whose they are. */
export interface DeadLetterPlace {
  readonly broker: DeadLetterBroker
  /** It is known to be the broker that the messages come from. */
  readonly same: boolean
  readonly topicOf: (message: Message) => string
  readonly timeoutMs: number
  readonly pattern: string
  readonly group: string | undefined
}

interface Letter {
  readonly item: Item
  readonly reason: DeadLetterReason
  readonly error: unknown
  readonly at: number
  tries: number
  /** Ends the publish that is under way, or the wait before the next one. */
  cancel: () => void
}

/** A publish as any broker has it, whatever its map. */
interface AnyPublisher {
  publish(topic: string, payload: unknown, options: PublishOptions): Promise<Receipt>
  publishAndWait?(
    topic: string,
    payload: unknown,
    options: PublishOptions & { readonly timeoutMs: number },
  ): Promise<Receipt>
}

/** Whom dead letters tell. */
export interface DeadLetterEvents {
  /** It is where it belongs: the message may be settled. */
  buried(item: Item): void
  /** Whether some of them cannot be published at the moment. */
  failing(failing: boolean): void
}

/** Publishes dead letters, each again and again until it is there: a message is never settled before. */
export class DeadLetters {
  readonly #place: DeadLetterPlace
  readonly #retry: RetrySettings
  readonly #clock: Clock
  readonly #reports: Reports
  readonly #events: DeadLetterEvents
  readonly #letters = new Set<Letter>()
  readonly #failing = new Set<Letter>()

  constructor(
    place: DeadLetterPlace,
    retry: RetrySettings,
    clock: Clock,
    reports: Reports,
    events: DeadLetterEvents,
  ) {
    this.#place = place
    this.#retry = retry
    this.#clock = clock
    this.#reports = reports
    this.#events = events
  }

  bury(item: Item, reason: DeadLetterReason, error: unknown): void {
    const letter: Letter = { item, reason, error, at: this.#clock.now(), tries: 0, cancel: ignore }
    this.#letters.add(letter)
    void this.#publish(letter)
  }

  /** Gives all of them up and returns their items. */
  clear(): Item[] {
    const letters = [...this.#letters]
    this.#letters.clear()
    this.#failing.clear()
    for (const letter of letters) letter.cancel()
    return letters.map(({ item }) => item)
  }

  /** Never rejects. */
  async #publish(letter: Letter): Promise<void> {
    letter.tries++
    const { item, error, reason } = letter
    let topic: string | undefined
    try {
      topic = this.#place.topicOf(item.message)
      await this.#send(topic, letter)
    } catch (failure) {
      if (this.#letters.has(letter)) this.#again(letter, topic, failure)
      return
    }
    if (!this.#letters.delete(letter)) return // given up meanwhile: the message has been handed back
    if (this.#failing.delete(letter) && this.#failing.size === 0) this.#events.failing(false)
    const { attempt: attempts, message } = item
    if (this.#reports.wants('deadLettered'))
      this.#reports.emit('deadLettered', { message, topic, reason, attempts, error })
    this.#events.buried(item)
  }

  #again(letter: Letter, topic: string | undefined, error: unknown): void {
    const { item, tries } = letter
    const delayMs = backOffMs(this.#retry, tries)
    this.#failing.add(letter)
    this.#events.failing(true)
    this.#reports.deadLetterFailed({ message: item.message, topic, error, tries, delayMs })
    if (this.#letters.has(letter))
      letter.cancel = this.#clock.schedule(() => void this.#publish(letter), delayMs)
  }

  async #send(topic: string, letter: Letter): Promise<void> {
    const { broker } = this.#place
    const { message } = letter.item
    checkTopic(topic)
    this.#refuseCircle(topic, message)
    const controller = new AbortController()
    const options: PublishOptions = {
      headers: { ...message.headers, ...this.#headers(letter) },
      // The same for every try, so that a broker which tells duplicates by their id stores one; another each time the
      // message dies, so that it stores that.
      id: `${message.id}-dead-${letter.at.toString(36)}`,
      signal: controller.signal,
      ...keyOf(message),
    }
    const receipt = await this.#within(topic, controller, letter, async () =>
      publishTo(broker, topic, message, options, this.#place.timeoutMs),
    )
    const { durable, replay } = broker.capabilities
    if (!receipt.routed && !durable && !replay)
      throw new DeadLetterError(
        topic,
        'nobody subscribes to it and the broker keeps nothing, so it would be lost',
      )
  }

  #headers({ at, error, item, reason }: Letter): Headers {
    const { group, pattern } = this.#place
    return deadLetterHeaders(item.message, { reason, attempts: item.attempt, at, error, group, pattern })
  }

  /** A dead letter that its own consumer takes, and fails at, would become another one without end. */
  #refuseCircle(topic: string, message: Message): void {
    const { pattern, same } = this.#place
    if (same && topic === message.topic)
      throw new DeadLetterError(topic, 'it is the topic that the message was taken from')
    const origin = headerOf(message, 'topic')
    if (origin === undefined || origin === message.topic || !matches(pattern, topic)) return
    if (headerOf(message, 'pattern') !== pattern) return
    throw new DeadLetterError(topic, `it is a dead letter that "${pattern}" has taken itself`)
  }

  /** Waits no longer than the deadline of one publish, also for a broker that does not heed its signal. */
  #within(
    topic: string,
    controller: AbortController,
    letter: Letter,
    publish: () => Promise<Receipt>,
  ): Promise<Receipt> {
    const { timeoutMs } = this.#place
    return new Promise((resolve, reject) => {
      const giveUp = (why: string): void => {
        const error = new DeadLetterError(topic, why)
        reject(error)
        controller.abort(error)
      }
      const stop = this.#clock.schedule(() => giveUp(`no answer after ${timeoutMs} ms`), timeoutMs)
      letter.cancel = () => {
        stop()
        giveUp('the consumer has ended')
      }
      publish().then(resolve, reject).finally(stop)
    })
  }
}

function ignore(): void {}

function publishTo(
  broker: AnyPublisher,
  topic: string,
  message: Message,
  options: PublishOptions,
  timeoutMs: number,
): Promise<Receipt> {
  const payload = bodyOf(message)
  // In this process it is known when a mailbox has it; a mailbox that drops it would lose it.
  if (broker.publishAndWait !== undefined)
    return broker.publishAndWait(topic, payload, { ...options, timeoutMs })
  return broker.publish(topic, payload, options)
}

function keyOf(message: Message): { readonly key?: string } {
  const { key } = message as { readonly key?: unknown }
  return typeof key === 'string' ? { key } : {}
}

/** The payload; of one that cannot be decoded, the bytes as they came. */
function bodyOf(message: Message): unknown {
  try {
    return message.payload
  } catch {
    return (message as { readonly raw?: unknown }).raw
  }
}
