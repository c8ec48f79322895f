import type { PublishAndWaitOptions, PublishOptions, Receipt, TopicPublisher } from './contract.ts'
import type { PublishPath } from './publish-path.ts'
import type { Route, RouteCache } from './route.ts'

/** A publisher bound to one topic: it keeps the route until patterns come or go. */
export class BoundPublisher implements TopicPublisher<unknown> {
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
    if (options !== undefined) return this.#path.publish(this.topic, payload, options)
    if (this.#generation !== this.#routes.generation || this.#route === undefined) return this.#renew(payload)
    return this.#path.send(this.#route, payload)
  }

  publishAndWait(payload: unknown, options?: PublishAndWaitOptions): Promise<Receipt> {
    return this.#path.publishAndWait(this.topic, payload, options)
  }

  #renew(payload: unknown): Promise<Receipt> {
    try {
      this.#route = this.#path.find(this.topic)
      this.#generation = this.#routes.generation
      return this.#path.send(this.#route, payload)
    } catch (error) {
      return Promise.reject(error)
    }
  }
}
