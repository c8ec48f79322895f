import type { Fanout } from './fanout.ts'
import type { PatternIndex } from './pattern-index.ts'
import type { PayloadSchema, SchemaTable } from './schema.ts'
import { checkTopic, isLiteral } from './topic.ts'

/** Where the messages of one topic go. */
export interface Route {
  readonly topic: string
  /** The fan-out of the first matching pattern; undefined when none matches. */
  readonly first: Fanout | undefined
  /** Those of the other matching patterns. */
  readonly rest: readonly Fanout[]
  readonly schema: PayloadSchema | undefined
  /** The only fan-out, of a topic without a schema: where the fast path goes. */
  readonly only: Fanout | undefined
}

/** How many topics each half of the cache remembers. */
const halfSize = 4096
const none: readonly Fanout[] = Object.freeze([])

/**
 * Remembers the routes of recent topics, valid or not known before: looking one up again skips the check of the topic
 * and the walk of the index. Bounded: when the young half is full the old half is forgotten, so a topic in use stays
 * and a million topics used once do not add up.
 */
export class RouteCache {
  readonly #index: PatternIndex<Fanout>
  readonly #schemas: SchemaTable
  #young = new Map<string, Route>()
  #old = new Map<string, Route>()
  /** Changes whenever a remembered route may be wrong. */
  generation = 0

  constructor(index: PatternIndex<Fanout>, schemas: SchemaTable) {
    this.#index = index
    this.#schemas = schemas
  }

  /** Throws `InvalidTopicError`. */
  find(topic: string): Route {
    return this.#young.get(topic) ?? this.#remember(topic)
  }

  /** A pattern came or went. A literal one concerns only its own topic. */
  forget(pattern: string): void {
    this.generation++
    if (isLiteral(pattern)) {
      this.#young.delete(pattern)
      this.#old.delete(pattern)
    } else {
      this.#young.clear()
      this.#old.clear()
    }
  }

  #remember(topic: string): Route {
    const route = this.#old.get(topic) ?? this.#resolve(topic)
    if (this.#young.size === halfSize) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(topic, route)
    return route
  }

  #resolve(topic: string): Route {
    checkTopic(topic)
    const fanouts = this.#index.match(topic)
    const [first] = fanouts
    const rest = fanouts.length > 1 ? fanouts.slice(1) : none
    const schema = this.#schemas.find(topic)
    return { topic, first, rest, schema, only: rest === none && schema === undefined ? first : undefined }
  }
}
