import type { Subscription } from './contract.ts'
import { ConcurrentIterationError, type SpillwayError } from './errors.ts'
import type { Mailbox } from './mailbox.ts'
import type { Fanout } from './fanout.ts'
import { type EndReason, MemorySubscription, type Place } from './memory-subscription.ts'
import type { Message } from './message.ts'
import { wholeNumber } from './settings.ts'

const defaultBatch = 1024

/** A subscription that is read: the ways of taking messages from a mailbox, whoever it belongs to. */
export abstract class ReadingSubscription<P extends Place = Fanout>
  extends MemorySubscription<P>
  implements Subscription
{
  protected abstract mailbox: Mailbox
  /** What all unanswered calls of `next` wait for. */
  #waiting: Promise<void> | undefined
  #iterating = false
  /** Why it ended, until the reader has been told. */
  #error: SpillwayError | undefined
  #retry: (() => IteratorResult<Message, undefined> | Promise<IteratorResult<Message, undefined>>) | undefined
  /** How many calls wait for it, and how many of the wait before have not looked again yet. */
  #calls = 0
  #late = 0

  get pending(): number {
    return this.closed ? 0 : this.mailbox.pending
  }

  /** Whose mailbox it reads: its own, or that of its group. */
  get mailboxOwner(): object {
    return this
  }

  poll(): Message | undefined {
    return this.mailbox.take()
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    // Calls that wait already come first.
    const message = this.#waiting === undefined ? this.mailbox.take() : undefined
    // A plain literal: V8 resolves a promise with anything else measurably slower.
    if (message !== undefined) return Promise.resolve({ value: message, done: false })
    if (this.closed) return this.#end()
    // Returning a plain result where there is one saves two turns and a promise.
    this.#retry ??= () => {
      this.#woken()
      const late = this.mailbox.take()
      return late === undefined ? this.next() : { value: late, done: false }
    }
    return this.#wait().then(this.#retry)
  }

  /**
   * For readers inside Spillway: returns what waits until it is worth polling again and then runs `look`, which must not
   * throw. It costs a promise less than `next`, and nothing of its own each time.
   */
  waiter(look: () => void): () => void {
    const woken = (): void => {
      this.#woken()
      look()
    }
    return () => void this.#wait().then(woken)
  }

  return(): Promise<IteratorResult<Message, undefined>> {
    this.close()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    this.#claim()
    return this
  }

  batches(options?: { readonly max?: number }): AsyncIterableIterator<readonly Message[], undefined> {
    const max = wholeNumber('max', options?.max, defaultBatch)
    this.#claim()
    const nextBatch = (): Promise<IteratorResult<readonly Message[], undefined>> => {
      const messages = this.takeBatch(max)
      if (messages.length > 0) return Promise.resolve({ value: messages, done: false })
      if (this.closed) return this.#end()
      return this.#wait().then(retry)
    }
    const retry = (): IteratorResult<readonly Message[], undefined> | ReturnType<typeof nextBatch> => {
      this.#woken()
      const messages = this.takeBatch(max)
      return messages.length === 0 ? nextBatch() : { value: messages, done: false }
    }
    const iterator = {
      next: nextBatch,
      return: (): Promise<IteratorResult<readonly Message[], undefined>> => {
        this.close()
        return Promise.resolve({ value: undefined, done: true })
      },
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  protected takeBatch(max: number): readonly Message[] {
    return this.mailbox.takeBatch(max)
  }

  /** Tells a waiting reader that it has ended. */
  protected wakeReader(reason: EndReason): void {
    this.#error = this.errorFor(reason)
    this.wakeFrom(this.mailbox)
  }

  /** Makes a waiting reader look again, because the mailbox it waits at is no longer its own. */
  protected wakeFrom(mailbox: Mailbox): void {
    if (this.#waiting !== undefined) mailbox.wake(this.#waiting)
  }

  #wait(): Promise<void> {
    this.#waiting ??= this.mailbox.wait()
    this.#calls++
    return this.#waiting
  }

  /**
   * A call looks again. The first of those that waited together ends the wait; the others come right after it, before
   * anybody can be woken from the next one.
   */
  #woken(): void {
    if (this.#late > 0) {
      this.#late--
    } else {
      this.#waiting = undefined
      this.#late = this.#calls - 1
      this.#calls = 0
    }
  }

  #claim(): void {
    if (this.#iterating) throw new ConcurrentIterationError(this.name)
    this.#iterating = true
  }

  #end(): Promise<IteratorReturnResult<undefined>> {
    const error = this.#error
    this.#error = undefined
    return error === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(error)
  }
}

/** What `waiter` of a subscription returns; undefined where only `next` can tell. */
export function waiterFor(subscription: object, look: () => void): (() => void) | undefined {
  return subscription instanceof ReadingSubscription ? subscription.waiter(look) : undefined
}

/**
 * Whose `block` mailbox a subscription reads, for code that handles what is read from it (see `recognisable`); undefined
 * when publishers do not wait for that mailbox.
 */
export function blockingOwner(subscription: object): object | undefined {
  if (!(subscription instanceof ReadingSubscription)) return undefined
  return subscription.settings.whenFull === 'block' ? subscription.mailboxOwner : undefined
}
