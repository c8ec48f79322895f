import type { Message } from './message.ts'

/**
 * What a broker knows about its topics: an interface or type whose keys are topics or patterns and whose values are
 * payloads. The types below answer, for one such map, what may be published and what a subscription gets.
 *
 * They are made for maps of hundreds of topics. What depends on the map alone (`LiteralKeyOf`, `PatternKeyOf`,
 * `MessageByKey`) is computed once per program. Literal keys are screened by template literals, which the compiler
 * does natively; it walks token by token only where two patterns meet. `bench/types.bench.mjs` measures it.
 */

/**
 * The map of an untyped broker: any topic, any payload. It is `any`, not an index signature of `unknown`: payloads
 * may then be used as freely as an EventEmitter's arguments, and code for a `Broker` takes a `Broker` of every map.
 */
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyEvents = any

/** The topics that may be published: the literal keys, and for a key like `orders.*` everything like `orders.${string}`. */
export type TopicOf<E extends object> = { [K in keyof E & string]: TopicTextOf<K> }[keyof E & string]

/**
 * The payload of a topic: that of its own key, else that of any pattern key which matches it by tokens, else `never`.
 * A topic which may be one of several needs a payload fit for all of them. A `${string}` in a topic counts as one token.
 */
export type PayloadOf<E extends object, T extends string> = string extends keyof E
  ? E[T & keyof E]
  : (T extends unknown ? (payload: PayloadAt<E, T>) => void : never) extends (payload: infer Payload) => void
    ? Payload
    : never

/** What a subscription to `P` yields: a union with one member per key that `P` can meet, told apart by `topic`. */
export type MessageOf<E extends object, P extends string> = string extends keyof E
  ? Message<E[keyof E & string], string>
  : P extends LiteralKeyOf<E>
    ? Message<E[P], P>
    : MessageByKey<E>[KeyMetBy<E, P>]

/**
 * `P` when it can meet a key of the map, or is not known before run time; else a type `P` is not assignable to. Meant
 * as the type of a parameter: `P` is inferred through it.
 */
export type ValidPattern<E extends object, P extends string> = string extends keyof E
  ? P
  : P extends Malformed
    ? NoTopicMatches<P, E>
    : P extends LiteralKeyOf<E>
      ? P
      : [KeyMetBy<E, P>] extends [never]
        ? NoTopicMatches<P, E>
        : P

/** What the compiler shows for a wrong pattern. The keys are in it because editors suggest what is in it. */
type NoTopicMatches<P extends string, E extends object> =
  | `No topic of this broker matches "${P}"`
  | (keyof E & string)

type Wild = `${string}*${string}` | `${string}>${string}`
type Malformed = '' | `.${string}` | `${string}.` | `${string}..${string}` | `${string}>.${string}`

type LiteralKeyOf<E extends object> = Exclude<keyof E & string, Wild>
type PatternKeyOf<E extends object> = Extract<keyof E & string, Wild>
type MessageByKey<E extends object> = { [K in keyof E & string]: Message<E[K], TopicTextOf<K>> }

/** A pattern as a template literal: its wildcards become `${string}`. */
type TopicTextOf<P extends string> = P extends `${infer Before}*${infer After}`
  ? `${Before}${string}${TopicTextOf<After>}`
  : P extends `${infer Before}>`
    ? `${Before}${string}`
    : P

type PayloadAt<E extends object, T extends string> =
  T extends LiteralKeyOf<E>
    ? E[T]
    : T extends Wild | Malformed
      ? never
      : { [K in PatternKeyOf<E>]: T extends TopicTextOf<K> ? Overlap<K, T, E[K]> : never }[PatternKeyOf<E>]

/** The keys which some topic matched by `P` matches too. */
type KeyMetBy<E extends object, P extends string> = string extends P
  ? keyof E & string
  : LiteralMetBy<LiteralKeyOf<E> & TopicTextOf<P>, P> | OverlapOf<PatternKeyOf<E>, P>

/** Leaves out the topics which match the text of `P` only because a `${string}` took a dot. */
type LiteralMetBy<K extends string, P extends string> = P extends `${string}>`
  ? P extends `${string}*${string}`
    ? OverlapOf<K, P>
    : K
  : Exclude<K, LongerThan<P>>

/** Every text with more tokens than `P`. A last `${string}` may stand for any number of them: nothing is longer. */
type LongerThan<P extends string> = P extends `${string}.${infer Rest}`
  ? `${string}.${LongerThan<Rest>}`
  : string extends P
    ? never
    : `${string}.${string}`

type OverlapOf<K extends string, P extends string> = K extends unknown ? Overlap<K, P, K> : never

/**
 * `Yes` when a topic can match both patterns, else `never`. Token by token: equal, or one is `*`; `>` takes all that
 * is left. A `${string}`, known only at run time, counts as `*`, and as `>` when it is the last.
 */
type Overlap<A extends string, B extends string, Yes> = '>' extends A | B
  ? Yes
  : A extends `${infer AToken}.${infer ARest}`
    ? B extends `${infer BToken}.${infer BRest}`
      ? TokensMeet<AToken, BToken> extends true
        ? Overlap<ARest, BRest, Yes>
        : never
      : never
    : B extends `${string}.${string}`
      ? never
      : TokensMeet<A, B> extends true
        ? Yes
        : never

type TokensMeet<A extends string, B extends string> = A extends B | '*'
  ? true
  : B extends A | '*'
    ? true
    : false
