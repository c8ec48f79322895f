import type { Message } from '../core/message.ts'
import type { BatchContext, HandlerContext } from './contract.ts'
import type { Item } from './item.ts'

/** One call of the handler: what it is told, and whether it is over. */
export abstract class Call {
  /** It has settled or was given up: nothing that it still does counts. */
  over = false
  /** The phase of the circuit it began in. */
  phase = 0
  /** When it is given up, as of the clock, and its neighbours in the line of those that wait for that. */
  dueAt = 0
  before: Call | undefined = undefined
  after: Call | undefined = undefined
  #controller: AbortController | undefined
  #aborted = false
  #reason: unknown

  abstract get items(): readonly Item[]

  /** Made when it is first read: most handlers never look, and a controller costs more than a message. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}

/** A call with one message. */
export class SingleCall extends Call implements HandlerContext {
  readonly item: Item
  readonly attempt: number

  constructor(item: Item) {
    super()
    this.item = item
    this.attempt = item.attempt
  }

  get items(): readonly Item[] {
    return [this.item]
  }
}

/** A call with several. */
export class BatchCall extends Call implements BatchContext {
  readonly items: readonly Item[]
  readonly messages: readonly Message[]
  readonly #attempts: Map<Message, number>
  #failures: Map<Message, unknown> | undefined

  constructor(items: readonly Item[]) {
    super()
    this.items = items
    this.messages = items.map(({ message }) => message)
    this.#attempts = new Map(items.map(({ message, attempt }) => [message, attempt]))
  }

  // These two are functions of their own, so that a handler may take them out of its context.
  readonly attemptOf = (message: Message): number => this.#attempts.get(message) ?? 0

  readonly fail = (message: Message, error: unknown): void => {
    this.#failures ??= new Map()
    this.#failures.set(message, error)
  }

  /** What `fail` was told about a message. */
  failureOf(message: Message): { readonly error: unknown } | undefined {
    return this.#failures?.has(message) === true ? { error: this.#failures.get(message) } : undefined
  }

  has(message: unknown): boolean {
    return this.#attempts.has(message as Message)
  }
}
