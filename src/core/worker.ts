import type { Handler } from './contract.ts'
import type { MailboxName } from './errors.ts'
import type { Message } from './message.ts'
import type { Observers } from './observers.ts'
import { type Origin, runInside, runOutside } from './origin.ts'
import { isThenable } from './thenable.ts'

/** Whose handler it is, for those who hear of its failures. */
interface Named {
  readonly name: MailboxName
}

/** Calls one handler and keeps count of the calls that have not settled. What goes wrong is told to the observer. */
export class Worker {
  /** Calls that run or whose promise has not settled. */
  active = 0
  readonly #handler: Handler
  readonly #concurrency: number
  readonly #owner: Named
  readonly #observers: Observers
  readonly #settled: () => void
  #whenIdle: (() => void) | undefined

  /** `settled` runs after an asynchronous call has settled: there may be room for the next one. */
  constructor(
    handler: Handler,
    concurrency: number,
    owner: Named,
    observers: Observers,
    settled: () => void,
  ) {
    this.#handler = handler
    this.#concurrency = concurrency
    this.#owner = owner
    this.#observers = observers
    this.#settled = settled
  }

  get idle(): boolean {
    return this.active < this.#concurrency
  }

  /** Runs `task` when the last unsettled call has settled. */
  whenIdle(task: () => void): void {
    this.#whenIdle = task
  }

  run(message: Message): void {
    this.active++
    try {
      const result = (0, this.#handler)(message)
      if (isThenable(result)) this.follow(result, message)
      else this.active--
    } catch (error) {
      this.active--
      this.failed(error, message)
    }
  }

  /** Runs with a message from the mailbox: whoever happened to make room for it is not its publisher. */
  runQueued(message: Message): void {
    runOutside(() => this.run(message))
  }

  /** Waits for the promise of a call that `active` counts. */
  follow(result: PromiseLike<unknown>, message: Message): void {
    Promise.resolve(result).then(
      () => this.#finish(),
      (error: unknown) => {
        this.failed(error, message)
        this.#finish()
      },
    )
  }

  failed(error: unknown, message: Message): void {
    const { name } = this.#owner
    if (this.#observers.wants('handlerError')) {
      this.#observers.emit('handlerError', { subscription: name, message, error })
    } else {
      warnUnobserved(name.pattern, error)
    }
  }

  #finish(): void {
    this.active--
    this.#settled()
    if (this.active === 0) this.#whenIdle?.()
  }
}

/**
 * Wraps the handler of a `block` mailbox, so that a publish it makes to its own full mailbox can be recognised. Costs
 * an asynchronous context per call, which is why other handlers are not wrapped.
 */
export function recognisable<Args extends unknown[]>(
  handler: (...args: Args) => unknown,
  owner: () => object,
): (...args: Args) => unknown {
  return (...args) =>
    runInside(owner(), (origin: Origin) => {
      let open = false
      try {
        const result = handler(...args)
        if (!isThenable(result)) return result
        open = true
        // One promise for both who wait: a lazy thenable, such as a query, starts its work each time it is asked.
        const settled = Promise.resolve(result)
        const over = (): void => {
          origin.active = false
        }
        settled.then(over, over)
        return settled
      } finally {
        if (!open) origin.active = false
      }
    })
}

let warned = false

/** A handler that fails unseen is the silence this library is against; but one warning is enough to find the cure. */
function warnUnobserved(pattern: string, error: unknown): void {
  if (warned) return
  warned = true
  let what = 'a value that cannot be shown'
  try {
    what = String(error)
  } catch {}
  const text = `Spillway: a handler on "${pattern}" failed and nobody observes handlerError: ${what}`
  console.warn(`${text}. Add broker.observe({ handlerError }) to hear of all of them; this is said once.`)
}
