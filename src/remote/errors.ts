import { SpillwayError } from '../core/errors.ts'

/** The server is away, and the broker is set to refuse what is published meanwhile, or its buffer is full. Not sent. */
export class DisconnectedError extends SpillwayError {
  override readonly name = 'DisconnectedError'
  override readonly code = 'SPW_DISCONNECTED'
  readonly topic: string

  constructor(topic: string, why: string) {
    super(
      `"${topic}" was not published: ${why}. Nothing was sent; publish again when the connection is back.`,
    )
    this.topic = topic
  }
}

/** The server refused the message, or has no place for it: it does not have it. `cause` is what the server said. */
export class PublishRejectedError extends SpillwayError {
  override readonly name = 'PublishRejectedError'
  override readonly code = 'SPW_PUBLISH_REJECTED'
  readonly topic: string

  constructor(topic: string, why: string, options?: { readonly cause?: unknown }) {
    super(`The server did not take a message for "${topic}": ${why}.`, options)
    this.topic = topic
  }
}

/** The server did not answer in time: it may or may not have the message. Publishing it again may store it twice. */
export class PublishUnconfirmedError extends SpillwayError {
  override readonly name = 'PublishUnconfirmedError'
  override readonly code = 'SPW_PUBLISH_UNCONFIRMED'
  readonly topic: string

  constructor(topic: string, waitedMs: number, options?: { readonly cause?: unknown }) {
    super(
      `No answer for a message to "${topic}" after ${Math.round(waitedMs)} ms: the server may or may not have it. Publish ` +
        `it again with the same id where the broker provides "dedupe"; elsewhere that may store it twice.`,
      options,
    )
    this.topic = topic
  }
}
