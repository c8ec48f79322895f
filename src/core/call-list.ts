import type { Handler } from './contract.ts'
import type { MailboxOwner } from './mailbox.ts'
import type { Message } from './message.ts'

/** A handler subscription or a queue group: while it is idle and nothing is pending, publish calls `call` itself. */
export interface DirectConsumer extends MailboxOwner {
  readonly call: Handler
  /** Index in the list, kept by the list. */
  slot: number
  /** The call returned something: perhaps a promise. */
  returned(result: unknown, message: Message): void
  threw(error: unknown, message: Message): void
  /** Copies must wait in its mailbox from now on: a fan-out of its pattern is running. */
  queue(): void
  /** It has ended before the running fan-out came to it. */
  missed(message: Message): void
}

function skip(): undefined {
  return undefined
}

/**
 * The handlers that publish calls, in the order in which they subscribed. A list of plain functions, because that is
 * what a loop calls fastest; who they belong to is needed only when one returns something or throws.
 *
 * While a message is being handed out, changes go into copies: the run under way goes on over the old list.
 */
export class CallList {
  #handlers: Handler[] = []
  #consumers: (DirectConsumer | undefined)[] = []
  /** What the run under way calls, and how much of it; undefined while it is the same as the list for the next run. */
  #outer: Handler[] | undefined
  #outerConsumers: readonly (DirectConsumer | undefined)[] = []
  #outerCount = 0
  #running = false
  #holes = 0
  /** The only handler: with it, publishing to a topic gone cold touches two objects less. */
  #only: Handler | undefined

  get consumers(): readonly DirectConsumer[] {
    return this.#consumers.filter((consumer) => consumer !== undefined)
  }

  add(consumer: DirectConsumer): void {
    // Subscribing and closing in turn must neither leave holes for ever nor cost a walk of the list each time.
    if (!this.#running && this.#holes > this.#handlers.length / 2) this.compact()
    consumer.slot = this.#handlers.length
    this.#handlers.push(consumer.call)
    this.#consumers.push(consumer)
    this.#noteOnly()
  }

  /** Keeps new messages from it. A call that the run under way still owes it will be made: see `forfeit`. */
  remove({ slot }: DirectConsumer): void {
    this.#edit()
    this.#handlers[slot] = skip
    this.#consumers[slot] = undefined
    this.#holes++
    this.#noteOnly()
  }

  /** Its subscription has ended: a call that the run under way still owes it becomes a dropped copy. */
  forfeit(consumer: DirectConsumer): void {
    const { slot, call } = consumer
    if (this.#outer?.[slot] !== call || this.#outerConsumers[slot] !== consumer) return
    this.#outer[slot] = (message) => consumer.missed(message)
  }

  /** Lets publish call it. */
  direct({ slot, call }: DirectConsumer): void {
    this.#edit()
    this.#handlers[slot] = call
    this.#noteOnly()
  }

  /** Keeps publish from calling it; its mailbox is fed instead. */
  detour({ slot }: DirectConsumer): void {
    this.#edit()
    this.#handlers[slot] = skip
    this.#noteOnly()
  }

  /** Closes the holes that removed consumers have left; returns how many remain. Not while a run is under way. */
  compact(): number {
    const consumers = this.#consumers.filter((consumer) => consumer !== undefined)
    this.#handlers = consumers.map(({ slot }) => this.#handlers[slot] as Handler)
    for (const [slot, consumer] of consumers.entries()) consumer.slot = slot
    this.#consumers = consumers
    this.#holes = 0
    this.#noteOnly()
    return consumers.length
  }

  /** Calls them all. */
  run(message: Message): void {
    this.#running = true
    const only = this.#only
    if (only !== undefined) this.#callOne(only, message)
    else this.#call(this.#handlers, this.#consumers, this.#handlers.length, message)
    this.#end()
  }

  /** Fixes whom `runFixed` will call: those who are here now. */
  fix(): void {
    this.#running = true
    this.#outer = this.#handlers
    this.#outerConsumers = this.#consumers
    this.#outerCount = this.#handlers.length
  }

  runFixed(message: Message): void {
    if (this.#outerCount > 0) {
      this.#call(this.#outer as Handler[], this.#outerConsumers, this.#outerCount, message)
    }
    this.#end()
  }

  #noteOnly(): void {
    this.#only = this.#handlers.length === 1 ? this.#handlers[0] : undefined
  }

  #end(): void {
    this.#running = false
    if (this.#outer === undefined) return
    this.#outer = undefined
    this.#outerConsumers = []
  }

  #edit(): void {
    if (!this.#running) return
    if (this.#outer === undefined) {
      this.#outer = this.#handlers
      this.#outerConsumers = this.#consumers
    }
    if (this.#outer !== this.#handlers) return
    this.#handlers = [...this.#handlers]
    this.#consumers = [...this.#consumers]
  }

  /** The loop of `#call` for the commonest case, which is not worth a loop. */
  #callOne(handler: Handler, message: Message): void {
    const consumers = this.#consumers
    try {
      const result = handler(message)
      if (result !== undefined) consumers[0]?.returned(result, message)
    } catch (error) {
      consumers[0]?.threw(error, message)
    }
  }

  #call(
    handlers: readonly Handler[],
    consumers: readonly (DirectConsumer | undefined)[],
    count: number,
    message: Message,
  ): void {
    let slot = 0
    while (slot < count) {
      try {
        for (; slot < count; slot++) {
          const handler = handlers[slot] as Handler // count is the length at the start; the list only grows meanwhile
          const result = handler(message)
          if (result !== undefined) consumers[slot]?.returned(result, message)
        }
      } catch (error) {
        consumers[slot]?.threw(error, message)
        slot++
      }
    }
  }
}
