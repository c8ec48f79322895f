import { isThenable } from '../core/thenable.ts'
import { PayloadInvalidError } from '../core/errors.ts'
import type { Clock } from '../core/clock.ts'
import { type Call, SingleCall } from './call.ts'
import { DeadlineLine } from './deadline-line.ts'
import { ConsumerEndedError, HandlerDeadlineError } from './errors.ts'
import type { Item } from './item.ts'
import type { ItemRunner, Pipeline } from './pipeline.ts'

/** What a runner must know. */
export interface RunnerSettings {
  readonly concurrency: number
  readonly deadlineMs: number
  readonly maxAbandoned: number
  readonly clock: Clock
}

/** Calls the handler: knows which calls are open, ends those that take too long, and hears of late ones. */
export abstract class Runner<C extends Call> implements ItemRunner {
  protected readonly pipeline: Pipeline
  protected readonly settings: RunnerSettings
  /** Calls that have neither settled nor been given up. */
  protected calls = 0
  readonly #line: DeadlineLine<C>

  constructor(pipeline: Pipeline, settings: RunnerSettings) {
    this.pipeline = pipeline
    this.settings = settings
    this.#line = new DeadlineLine(settings.clock, settings.deadlineMs, (call) => this.#expire(call))
  }

  get free(): boolean {
    return this.calls < this.settings.concurrency
  }

  abstract start(item: Item): void

  rest(): void {}

  clear(): readonly Item[] {
    return []
  }

  protected abstract itemsOf(call: C): readonly Item[]
  /** The handler has returned: says what became of the items, and whether any was handled. */
  protected abstract finish(call: C, result: unknown): boolean

  abandonAll(): Item[] {
    const items: Item[] = []
    for (const call of this.#line.open()) {
      this.#line.remove(call)
      this.#abandon(call, new ConsumerEndedError())
      items.push(...this.itemsOf(call))
    }
    return items
  }

  dispose(): void {
    this.#line.stop()
  }

  /** Runs one call; `invoke` calls the handler. */
  protected run(call: C, invoke: (call: C) => unknown): void {
    const { gates, over } = this.pipeline
    const { circuit } = gates
    if (circuit !== undefined) call.phase = circuit.begin()
    this.calls++
    let result: unknown
    let open = false
    try {
      result = invoke(call)
      open = isThenable(result)
    } catch (error) {
      return this.#failed(call, error)
    }
    if (!open) return this.#succeeded(call, result)
    if (!over && this.pipeline.over) return this.#endedInside(call, result)
    this.#line.add(call)
    this.#follow(call, result)
  }

  protected fail(item: Item, error: unknown): void {
    item.call = undefined
    this.pipeline.failed(item, error)
  }

  #follow(call: C, result: unknown): void {
    Promise.resolve(result).then(
      (value) => {
        if (call.over) return this.#late(call, undefined)
        this.#line.remove(call)
        this.#succeeded(call, value)
        this.pipeline.pump()
      },
      (error: unknown) => {
        if (call.over) return this.#late(call, error)
        this.#line.remove(call)
        this.#failed(call, error)
        this.pipeline.pump()
      },
    )
  }

  #succeeded(call: C, result: unknown): void {
    call.over = true
    this.calls--
    const { circuit } = this.pipeline.gates
    if (this.finish(call, result)) circuit?.succeeded(call.phase)
    else circuit?.failed(call.phase)
  }

  #failed(call: C, error: unknown): void {
    call.over = true
    this.calls--
    // A payload that cannot be read says nothing about the health of what the handler works with.
    const { circuit } = this.pipeline.gates
    if (error instanceof PayloadInvalidError) circuit?.unclear(call.phase)
    else circuit?.failed(call.phase)
    for (const item of this.itemsOf(call)) this.fail(item, error)
  }

  #expire(call: C): void {
    const error = new HandlerDeadlineError(this.settings.deadlineMs)
    this.pipeline.books.expired++
    this.#abandon(call, error)
    this.pipeline.gates.circuit?.failed(call.phase)
    for (const item of this.itemsOf(call)) this.fail(item, error)
    this.pipeline.pump()
  }

  /** The handler has ended the consumer and goes on: its message was not handed back yet. */
  #endedInside(call: C, result: unknown): void {
    this.#abandon(call, new ConsumerEndedError())
    for (const item of this.itemsOf(call)) this.pipeline.giveBack(item)
    this.#follow(call, result)
  }

  #abandon(call: C, reason: Error): void {
    const { books } = this.pipeline
    call.over = true
    this.calls--
    for (const item of this.itemsOf(call)) item.call = undefined
    if (++books.abandoned >= this.settings.maxAbandoned) this.pipeline.gates.hold('abandoned')
    call.abort(reason)
  }

  #late(call: C, error: unknown): void {
    const { books, reports } = this.pipeline
    const messages = this.itemsOf(call).map(({ message }) => message)
    reports.emit('lateResult', { messages, error })
    if (--books.abandoned < this.settings.maxAbandoned) this.pipeline.gates.release('abandoned')
  }
}

/** Calls the handler with one message. */
export class SingleRunner extends Runner<SingleCall> {
  readonly #invoke: (call: SingleCall) => unknown

  constructor(
    pipeline: Pipeline,
    settings: RunnerSettings,
    handler: (message: Item['message'], context: SingleCall) => unknown,
  ) {
    super(pipeline, settings)
    this.#invoke = (call) => handler(call.item.message, call)
  }

  start(item: Item): void {
    this.pipeline.enter(item)
    const call = new SingleCall(item)
    item.call = call
    this.run(call, this.#invoke)
  }

  protected itemsOf(call: SingleCall): readonly Item[] {
    return [call.item]
  }

  protected finish({ item }: SingleCall): boolean {
    item.call = undefined
    this.pipeline.handled(item)
    return true
  }
}
