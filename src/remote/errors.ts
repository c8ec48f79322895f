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

/** The message, with its headers, is larger than the server takes. Nothing was sent. */
export class MessageTooLargeError extends SpillwayError {
  override readonly name = 'MessageTooLargeError'
  override readonly code = 'SPW_MESSAGE_TOO_LARGE'
  readonly topic: string
  readonly bytes: number
  readonly limit: number

  constructor(topic: string, bytes: number, limit: number) {
    super(
      `A message for "${topic}" has ${bytes} bytes with its headers; the server takes at most ${limit}. Nothing was sent: ` +
        `publish a reference to the data, or raise the limit of the server.`,
    )
    this.topic = topic
    this.bytes = bytes
    this.limit = limit
  }
}

/** More has been handed over than the server reads, and the publisher did not wait. This message was not sent. */
export class PublishOverloadedError extends SpillwayError {
  override readonly name = 'PublishOverloadedError'
  override readonly code = 'SPW_PUBLISH_OVERLOADED'
  readonly topic: string
  readonly limit: number

  constructor(topic: string, limit: number) {
    super(
      `"${topic}" was not published: ${limit} bytes published before are still on their way to the server. Await your ` +
        `publishes: they wait while the server is slow.`,
    )
    this.topic = topic
    this.limit = limit
  }
}

/** The package of the server's client is not installed. */
export class ClientMissingError extends SpillwayError {
  override readonly name = 'ClientMissingError'
  override readonly code = 'SPW_CLIENT_MISSING'
  readonly packageName: string

  constructor(packageName: string, what: string, options?: { readonly cause?: unknown }) {
    super(
      `${what} needs the package ${packageName}, which is not installed: npm install ${packageName}`,
      options,
    )
    this.packageName = packageName
  }
}
