import type { PublishAndWaitOptions, PublishOptions, Receipt, TopicPublisher } from './contract.ts'
import { InvalidOptionError } from './errors.ts'
import type { MessageFactory } from './memory-message.ts'
import type { Message } from './message.ts'
import type { Observers } from './observers.ts'
import type { Route, RouteCache } from './route.ts'
import { validate } from './schema.ts'
import { defaultTimeoutMs, duration } from './settings.ts'
import type { Desk, Insistence } from './ticket.ts'

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
  /** Topics with an asynchronous validation under way: later publishes queue behind it to keep their order. */
  readonly #validating = new Map<string, Promise<unknown>>()
  #lastTopic: string | undefined
  #lastRoute: Route | undefined
  #closed: (() => Error) | undefined

  constructor(routes: RouteCache, messages: MessageFactory, desk: Desk, observers: Observers) {
    this.#routes = routes
    this.#messages = messages
    this.#desk = desk
    this.#observers = observers
  }

  /** A pattern came or went. */
  forget(pattern: string): void {
    this.#lastTopic = undefined
    this.#routes.forget(pattern)
  }

  /** Refuses everything from now on with the error that `refusal` makes. */
  refuse(refusal: () => Error): void {
    this.#closed = refusal
    this.#lastTopic = undefined
    this.#routes.generation++
  }

  publish(topic: string, payload: unknown, options: PublishOptions | undefined): Promise<Receipt> {
    try {
      const route = topic === this.#lastTopic ? (this.#lastRoute as Route) : this.#find(topic)
      if (options === undefined && route.schema === undefined) return this.send(route, payload)
      return this.#sendWith(route, payload, options, undefined)
    } catch (error) {
      return Promise.reject(error)
    }
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

  bind(topic: string): TopicPublisher<unknown> {
    this.#find(topic) // refuses an invalid topic now rather than at each publish
    return new BoundPublisher(this, this.#routes, topic)
  }

  /** Throws `InvalidTopicError`, or what `refuse` was given. */
  find(topic: string): Route {
    if (this.#closed !== undefined) throw this.#closed()
    return this.#routes.find(topic)
  }

  /** Publishes without options or schema: the fast path. */
  send(route: Route, payload: unknown): Promise<Receipt> {
    this.published++
    const { first } = route
    if (first === undefined) return this.#nobody(route.topic)
    const message = this.#messages.make(route.topic, payload)
    first.deliver(message)
    if (route.rest.length > 0) for (const fanout of route.rest) fanout.deliver(message)
    const { ticket } = this.#desk
    if (ticket === undefined || ticket.message !== message) return delivered
    return this.#desk.close(ticket).outcome(delivered, undefined)
  }

  #find(topic: string): Route {
    const route = this.find(topic)
    this.#lastTopic = topic
    this.#lastRoute = route
    return route
  }

  #sendWith(
    route: Route,
    payload: unknown,
    options: PublishAndWaitOptions | undefined,
    timeoutMs: number | undefined,
  ): Promise<Receipt> {
    checkOptions(options)
    if (options?.signal?.aborted === true) return Promise.reject(options.signal.reason)
    if (route.schema === undefined) return this.#dispatch(route, payload, options, timeoutMs)
    const { topic, schema } = route
    const earlier = this.#validating.get(topic)
    const valid =
      earlier === undefined
        ? validate(schema, topic, payload)
        : earlier.then(() => validate(schema, topic, payload))
    if (!(valid instanceof Promise)) return this.#dispatch(route, valid, options, timeoutMs)
    const sent = valid.then((late) => {
      options?.signal?.throwIfAborted()
      return this.#dispatch(this.find(topic), late, options, timeoutMs) // patterns may have come and gone meanwhile
    })
    const over = valid.then(noop, noop)
    this.#validating.set(topic, over)
    void over.then(() => {
      if (this.#validating.get(topic) === over) this.#validating.delete(topic)
    })
    return sent
  }

  #dispatch(
    route: Route,
    payload: unknown,
    options: PublishOptions | undefined,
    timeoutMs: number | undefined,
  ): Promise<Receipt> {
    this.published++
    if (route.first === undefined) return this.#nobody(route.topic)
    const message = this.#messages.makeWith(route.topic, payload, options?.headers, options?.id)
    const insistence = timeoutMs === undefined ? undefined : { message, timeoutMs }
    this.#fanOut([route.first, ...route.rest], message, insistence)
    const { ticket } = this.#desk
    if (ticket === undefined || ticket.message !== message) return delivered
    return this.#desk.close(ticket).outcome(delivered, options, insistence)
  }

  #fanOut(
    fanouts: readonly Route['rest'][number][],
    message: Message,
    insistence: Insistence | undefined,
  ): void {
    const outer = this.#desk.insistence
    this.#desk.insistence = insistence
    for (const fanout of fanouts) {
      if (insistence !== undefined) fanout.insist()
      fanout.deliver(message)
    }
    this.#desk.insistence = outer
  }

  #nobody(topic: string): Promise<Receipt> {
    this.unrouted++
    if (this.#observers.unrouted) this.#observers.emit('unrouted', { topic })
    return unrouted
  }
}

/** A publisher bound to one topic: it keeps the route until patterns come or go. */
class BoundPublisher implements TopicPublisher<unknown> {
  readonly topic: string
  readonly #path: PublishPath
  readonly #routes: RouteCache
  #route: Route | undefined
  #generation = -1

  constructor(path: PublishPath, routes: RouteCache, topic: string) {
    this.topic = topic
    this.#path = path
    this.#routes = routes
  }

  publish(payload: unknown, options?: PublishOptions): Promise<Receipt> {
    if (this.#generation !== this.#routes.generation || options !== undefined || this.#route === undefined) {
      return this.#publishSlowly(payload, options)
    }
    return this.#path.send(this.#route, payload)
  }

  publishAndWait(payload: unknown, options?: PublishAndWaitOptions): Promise<Receipt> {
    return this.#path.publishAndWait(this.topic, payload, options)
  }

  #publishSlowly(payload: unknown, options: PublishOptions | undefined): Promise<Receipt> {
    try {
      const route = this.#path.find(this.topic)
      this.#generation = this.#routes.generation
      // A topic with a schema, or with options, always takes the long way.
      this.#route = route.schema === undefined ? route : undefined
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#path.publish(this.topic, payload, options)
  }
}

function noop(): void {}

function checkOptions(options: PublishOptions | undefined): void {
  if (options === undefined) return
  const { headers, id } = options
  if (id !== undefined && (typeof id !== 'string' || id === '')) {
    throw new InvalidOptionError('id', id, 'Give a non-empty string, or leave it out.')
  }
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (typeof value !== 'string')
      throw new InvalidOptionError(`headers.${name}`, value, 'Headers are strings.')
  }
}
