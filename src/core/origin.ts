/**
 * Knows inside whose handler the running code was started, also after an `await`. Needed only by handlers with a
 * `block` mailbox: a publish from inside such a handler onto its own full mailbox would wait for itself.
 *
 * The core imports nothing, so the run time's asynchronous context is asked for by name; where there is none
 * (a browser) only the synchronous part of a handler is recognised, and the deadline ends the rest.
 */
interface ContextStorage {
  getStore(): unknown
  run<Result>(store: unknown, task: () => Result): Result
}

interface NodeProcess {
  getBuiltinModule?(name: string): { AsyncLocalStorage: new () => ContextStorage } | undefined
}

/** One call of a handler, and the calls it runs inside of. `active` until it has settled. */
export interface Origin {
  readonly handler: object
  readonly outer: Origin | undefined
  active: boolean
}

class SynchronousStorage implements ContextStorage {
  #store: unknown

  getStore(): unknown {
    return this.#store
  }

  run<Result>(store: unknown, task: () => Result): Result {
    const outer = this.#store
    this.#store = store
    try {
      return task()
    } finally {
      this.#store = outer
    }
  }
}

let storage: ContextStorage | undefined

function contextStorage(): ContextStorage {
  if (storage === undefined) {
    const { process } = globalThis as { process?: NodeProcess }
    const hooks = process?.getBuiltinModule?.('node:async_hooks')
    storage = hooks === undefined ? new SynchronousStorage() : new hooks.AsyncLocalStorage()
  }
  return storage
}

/**
 * Runs one call of `handler`, so that `isInside(handler)` is true in it and in everything it starts, until the caller
 * sets `active` to false on the origin that `task` receives.
 */
export function runInside<Result>(handler: object, task: (origin: Origin) => Result): Result {
  const context = contextStorage()
  // Settled calls are left out, or two handlers that publish to each other would grow the chain for ever.
  const origin: Origin = {
    handler,
    outer: firstActive(context.getStore() as Origin | undefined),
    active: true,
  }
  return context.run(origin, () => task(origin))
}

/** Runs `task` as if no handler had started it. */
export function runOutside(task: () => void): void {
  if (storage === undefined) task()
  else storage.run(undefined, task)
}

/**
 * The innermost call that the running code was started by and that has not settled. With `runAs` it lets a broker whose
 * messages are handed on later do so as their publisher would have; the main door, which does without, stays small.
 */
export function currentOrigin(): Origin | undefined {
  return firstActive(storage?.getStore() as Origin | undefined)
}

/** Runs `task` as if it were started where `currentOrigin` returned `origin`. */
export function runAs<Result>(origin: Origin | undefined, task: () => Result): Result {
  return storage === undefined ? task() : storage.run(origin, task)
}

/** True when the running code was started by a call of `handler` that has not settled. */
export function isInside(handler: object): boolean {
  let origin = firstActive(storage?.getStore() as Origin | undefined)
  while (origin !== undefined && origin.handler !== handler) origin = firstActive(origin.outer)
  return origin !== undefined
}

function firstActive(origin: Origin | undefined): Origin | undefined {
  let first = origin
  while (first !== undefined && !first.active) first = first.outer
  return first
}
