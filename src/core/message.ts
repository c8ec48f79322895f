/** Names and values that travel beside the payload, as in HTTP: text only. */
export type Headers = Readonly<Record<string, string>>

/**
 * What was published. Shared by every consumer that got a copy, so treat it as read-only. `JSON.stringify` writes all
 * five properties; a spread or a structured clone may leave out those that a broker derives when they are asked for.
 */
export interface Message<Payload = unknown, Topic extends string = string> {
  readonly topic: Topic
  readonly payload: Payload
  readonly headers: Headers
  /** Unique among all messages of this broker and, with overwhelming likelihood, of all brokers. */
  readonly id: string
  /** When it was published: milliseconds since 1970, as of `Date.now()`. */
  readonly time: number
}
