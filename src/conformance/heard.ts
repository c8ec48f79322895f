import { deepStrictEqual } from 'node:assert/strict'
import type { Subscription } from '../core/contract.ts'
import { isDelivery } from '../core/delivery.ts'
import type { Message } from '../core/message.ts'
import { ConformanceError } from './errors.ts'
import { until } from './wait.ts'

/** What a subscription has delivered so far: it is read all the time, and what has to be settled is acked. */
export class Heard {
  readonly subscription: Subscription
  readonly messages: Message[] = []
  /** What the reading ended with, when that was an error. */
  failure: unknown
  ended = false
  readonly #deadlineMs: number

  constructor(subscription: Subscription, deadlineMs: number) {
    this.subscription = subscription
    this.#deadlineMs = deadlineMs
    void this.#read()
  }

  get payloads(): unknown[] {
    return this.messages.map(({ payload }) => payload)
  }

  get count(): number {
    return this.messages.length
  }

  /** Waits for so many messages in all. */
  async reach(count: number): Promise<void> {
    const what = (): string => `${count} messages on ${this.subscription.pattern}, got ${this.count}`
    await until(() => this.count >= count || this.ended, this.#deadlineMs, what)
    if (this.failure !== undefined)
      throw new ConformanceError(`a subscription failed before ${what()}`, { cause: this.failure })
    if (this.count < count) throw new ConformanceError(`a subscription ended before ${what()}`)
  }

  /** Waits for exactly these payloads, in this order. */
  async exactly(payloads: readonly unknown[], what: string): Promise<void> {
    await this.reach(payloads.length)
    deepStrictEqual(this.payloads, payloads, what)
  }

  /** Waits for exactly these whole numbers, each once, in any order. */
  async exactlyTheSet(numbers: readonly number[], what: string): Promise<void> {
    await this.reach(numbers.length)
    deepStrictEqual(ascending(this.payloads), ascending(numbers), what)
  }

  async #read(): Promise<void> {
    try {
      for await (const message of this.subscription) {
        this.messages.push(message)
        if (isDelivery(message)) await message.ack()
      }
    } catch (error) {
      this.failure = error
    }
    this.ended = true
  }
}

/** A sorted copy of payloads that are numbers. */
export function ascending(payloads: readonly unknown[]): number[] {
  return (payloads as readonly number[]).toSorted((a, b) => a - b)
}

/** The whole numbers from 0 up to but without `count`, or from `start`. */
export function numbers(count: number, start = 0): number[] {
  return Array.from({ length: count }, (_, index) => start + index)
}
