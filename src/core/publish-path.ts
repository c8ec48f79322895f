import type { PublishAndWaitOptions, PublishOptions, Receipt, TopicPublisher } from './contract.ts'
import { BoundPublisher } from './bound-publisher.ts'
import type { MessageFactory } from './memory-message.ts'
import type { Message } from './message.ts'
import type { Observers } from './observers.ts'
import type { Reports } from './reports.ts'
import type { Route, RouteCache } from './route.ts'
import { defaultTimeoutMs, duration } from './settings.ts'
import type { Desk, Insistence } from './ticket.ts'
import { checkPublishOptions, Validations } from './validations.ts'

/** Shared by all publishes that have nothing to wait for: no allocation, and one turn for those who await it. */
const delivered: Promise<Receipt> = Promise.resolve(Object.freeze({ level: 'accepted', routed: true }))
const unrouted: Promise<Receipt> = Promise.resolve(Object.freeze({ level: 'accepted', routed: false }))

/** What a message passes from `publish` to the fan-outs. */
export class PublishPath {
  /** Messages accepted, and those of them that matched nothing. */
  published = 0
  unrouted = 0
  readonly #routes: RouteCache
  readonly #messages: MessageFactory
  readonly #desk: Desk
  readonly #observers: Observers
  readonly #reports: Reports
  readonly #validations = new Validations()
  #lastRoute: Route | undefined
  #closed: (() => Error) | undefined

  constructor(
    routes: RouteCache,
    messages: MessageFactory,
    desk: Desk,
    observers: Observers,
    reports: Reports,
  ) {
    this.#routes = routes
    this.#messages = messages
    this.#desk = desk
    this.#observers = observers
    this.#reports = reports
  }

  /** A pattern came or went. */
  forget(pattern: string): void {
    this.#lastRoute = undefined
    this.#routes.forget(pattern)
  }

  /** Refuses everything from now on with the error that `refusal` makes. */
  refuse(refusal: () => Error): void {
    this.#closed = refusal
    this.#validations.end(refusal)
    this.#lastRoute = undefined
    this.#routes.generation++
  }

  publish(topic: string, payload: unknown, options: PublishOptions | undefined): Promise<Receipt> {
    const route = this.#lastRoute
    if (route !== undefined && topic === route.topic && options === undefined)
      return this.send(route, payload)
    return this.#publishSlowly(topic, payload, options)
  }

  publishAndWait(
    topic: string,
    payload: unknown,
    options: PublishAndWaitOptions | undefined,
  ): Promise<Receipt> {
    try {
      const timeoutMs = duration('timeoutMs', options?.timeoutMs, defaultTimeoutMs)
      return this.#sendWith(this.#find(topic), payload, options, timeoutMs)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Hands on a message that was made elsewhere, where its payload and options have been checked too. Returns a promise
   * that settles as that of `publish`, or undefined when there is nothing to wait for. A message that nobody here wants
   * is not counted as unrouted: whoever hands it on has it.
   */
  relay(message: Message, options?: PublishOptions): Promise<Receipt> | undefined {
    const last = this.#lastRoute
    const route = last !== undefined && last.topic === message.topic ? last : this.#find(message.topic)
    if (route.first === undefined) return undefined
    this.published++
    this.#fanOut(route, message)
    return this.#desk.busy ? this.#desk.close(message)?.outcome(delivered, options) : undefined
  }

  bind(topic: string): TopicPublisher<unknown> {
    this.#find(topic) // refuses an invalid topic now rather than at each publish
    return new BoundPublisher(this, this.#routes, topic)
  }

  /** Throws `InvalidTopicError`, or what `refuse` was given. */
  find(topic: string): Route {
    if (this.#closed !== undefined) throw this.#closed()
    return this.#routes.find(topic)
  }

  /** Publishes without options. What is rare is kept out of it, so that it stays small enough to be inlined. */
  send(route: Route, payload: unknown): Promise<Receipt> {
    const { only } = route
    if (only === undefined) return this.#sendWidely(route, payload)
    this.published++
    const message = this.#messages.make(route.topic, payload)
    only.deliver(message)
    return this.#desk.busy ? this.#outcome(message) : delivered
  }

  #sendWidely(route: Route, payload: unknown): Promise<Receipt> {
    if (route.schema !== undefined) return this.#sendWith(route, payload, undefined, undefined)
    this.published++
    if (route.first === undefined) return this.#nobody(route.topic)
    const message = this.#messages.make(route.topic, payload)
    this.#fanOut(route, message)
    return this.#outcome(message)
  }

  /** What the fan-out of a message has come to. */
  #outcome(message: Message, options?: PublishOptions, insistence?: Insistence): Promise<Receipt> {
    return this.#desk.close(message)?.outcome(delivered, options, insistence) ?? delivered
  }

  #publishSlowly(topic: string, payload: unknown, options: PublishOptions | undefined): Promise<Receipt> {
    try {
      const route = this.#find(topic)
      return options === undefined
        ? this.send(route, payload)
        : this.#sendWith(route, payload, options, undefined)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #find(topic: string): Route {
    const route = this.find(topic)
    this.#lastRoute = route
    return route
  }

  #sendWith(
    route: Route,
    payload: unknown,
    options: PublishAndWaitOptions | undefined,
    timeoutMs: number | undefined,
  ): Promise<Receipt> {
    try {
      return this.#sendChecked(route, payload, options, timeoutMs)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #sendChecked(
    route: Route,
    payload: unknown,
    options: PublishAndWaitOptions | undefined,
    timeoutMs: number | undefined,
  ): Promise<Receipt> {
    checkPublishOptions(options)
    if (options?.signal?.aborted === true) return Promise.reject(options.signal.reason)
    if (route.schema === undefined) return this.#dispatch(route, payload, options, timeoutMs)
    const { topic, schema } = route
    // Patterns may come and go while a validation takes its time.
    return this.#validations.run(schema, topic, payload, options?.signal, (valid) =>
      this.#dispatch(this.find(topic), valid, options, timeoutMs),
    )
  }

  #dispatch(
    route: Route,
    payload: unknown,
    options: PublishOptions | undefined,
    timeoutMs: number | undefined,
  ): Promise<Receipt> {
    if (route.first === undefined) {
      this.published++
      return this.#nobody(route.topic)
    }
    const message = this.#messages.makeWith(route.topic, payload, options?.headers, options?.id)
    this.published++
    const insistence = timeoutMs === undefined ? undefined : { message, timeoutMs }
    if (insistence === undefined) {
      this.#fanOut(route, message)
    } else {
      this.#desk.insist(insistence)
      for (const fanout of [route.first, ...route.rest]) fanout.insist()
      this.#fanOut(route, message)
      this.#desk.desist(insistence)
    }
    return this.#outcome(message, options, insistence)
  }

  /** The message reaches the mailboxes of every matching pattern before the first handler is called. */
  #fanOut({ first, rest }: Route, message: Message): void {
    if (first === undefined) return
    if (rest.length === 0) return first.deliver(message)
    this.#reports.hold()
    first.begin(message)
    for (const fanout of rest) fanout.begin(message)
    this.#reports.release()
    first.finish(message)
    for (const fanout of rest) fanout.finish(message)
  }

  #nobody(topic: string): Promise<Receipt> {
    this.unrouted++
    if (this.#observers.unrouted) this.#observers.emit('unrouted', { topic })
    return unrouted
  }
}
