import { BatchCall } from './call.ts'
import { NotHandledError } from './errors.ts'
import type { Item } from './item.ts'
import type { Pipeline } from './pipeline.ts'
import { Runner, type RunnerSettings } from './runner.ts'
import type { BatchSettings } from './settings.ts'

/** Gathers items and calls the handler with several at a time. */
export class BatchRunner extends Runner<BatchCall> {
  readonly #batch: BatchSettings
  readonly #invoke: (call: BatchCall) => unknown
  #gathered: Item[] = []
  /** It has waited long enough. */
  #due = false
  #cancelLinger: (() => void) | undefined

  constructor(
    pipeline: Pipeline,
    settings: RunnerSettings,
    batch: BatchSettings,
    handler: (messages: BatchCall['messages'], context: BatchCall) => unknown,
  ) {
    super(pipeline, settings)
    this.#batch = batch
    this.#invoke = (call) => handler(call.messages, call)
  }

  start(item: Item): void {
    this.#gathered.push(item)
    if (this.#gathered.length >= this.#batch.maxBatch) this.#flush()
  }

  override rest(): void {
    if (this.#gathered.length === 0 || !this.pipeline.mayBegin) return
    const { lingerMs } = this.#batch
    if (lingerMs === 0 || this.#due || !this.pipeline.taking) {
      this.#flush()
      this.pipeline.pump() // a handler that has returned at once has made room
      return
    }
    this.#cancelLinger ??= this.settings.clock.schedule(() => {
      this.#due = true
      this.#cancelLinger = undefined
      this.pipeline.pump()
    }, lingerMs)
  }

  override clear(): readonly Item[] {
    const gathered = this.#gathered
    this.#reset()
    return gathered
  }

  override dispose(): void {
    this.#reset()
    super.dispose()
  }

  protected itemsOf(call: BatchCall): readonly Item[] {
    return call.items
  }

  protected finish(call: BatchCall, result: unknown): boolean {
    let handled: Set<unknown>
    try {
      handled = new Set(iterable(result))
    } catch (error) {
      for (const item of call.items) this.fail(item, error)
      return false
    }
    let any = false
    for (const item of call.items) {
      const failure = call.failureOf(item.message)
      if (failure !== undefined) {
        this.fail(item, failure.error)
      } else if (handled.has(item.message)) {
        any = true
        item.call = undefined
        this.pipeline.handled(item)
      } else {
        this.fail(item, new NotHandledError('the handler left it out of what it returned'))
      }
    }
    for (const message of handled) if (!call.has(message)) this.#reportForeign()
    return any
  }

  #flush(): void {
    const gathered = this.#gathered
    this.#reset()
    // While the batch was filling, the broker may have taken some back.
    const lost = gathered.filter((item) => item.lost)
    const items = lost.length === 0 ? gathered : gathered.filter((item) => !item.lost)
    if (items.length > 0) this.#call(items)
    for (const item of lost) this.pipeline.giveBack(item)
  }

  #call(items: readonly Item[]): void {
    for (const item of items) this.pipeline.enter(item)
    const call = new BatchCall(items)
    for (const item of items) item.call = call
    this.run(call, this.#invoke)
  }

  #reset(): void {
    this.#gathered = []
    this.#due = false
    this.#cancelLinger?.()
    this.#cancelLinger = undefined
  }

  #reportForeign(): void {
    const error = new TypeError('The handler returned something that is not a message of its batch.')
    this.pipeline.reports.emit('callbackError', { callback: 'batch handler', error })
  }
}

function iterable(result: unknown): Iterable<unknown> {
  const returned = result as Partial<Iterable<unknown>> | null | undefined
  if (typeof returned?.[Symbol.iterator] === 'function') return returned as Iterable<unknown>
  throw new NotHandledError('the handler returned nothing that can be iterated')
}
