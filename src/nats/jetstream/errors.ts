import { SpillwayError } from '../../core/errors.ts'

/** A stream of the server is not what the options of the broker say. It was not changed. */
export class StreamConflictError extends SpillwayError {
  override readonly name = 'StreamConflictError'
  override readonly code = 'SPW_STREAM_CONFLICT'
  readonly stream: string
  readonly option: string
  readonly has: unknown
  readonly wanted: unknown

  constructor(stream: string, option: string, has: unknown, wanted: unknown) {
    super(
      `Stream "${stream}" has ${option} = ${JSON.stringify(has)}, and the options ask for ${JSON.stringify(wanted)}. It was not ` +
        `changed: change it with the tools of NATS, or leave the option out.`,
    )
    this.stream = stream
    this.option = option
    this.has = has
    this.wanted = wanted
  }
}

/** A work queue that removes its oldest message when it is full: what was acknowledged would vanish before anybody had it. */
export class UnsafeStreamError extends SpillwayError {
  override readonly name = 'UnsafeStreamError'
  override readonly code = 'SPW_STREAM_UNSAFE'
  readonly stream: string

  constructor(stream: string) {
    super(
      `Stream "${stream}" is a work queue with discard "old": when it is full it removes messages that nobody has had, and the ` +
        `publisher has been told that they are stored. Use discard "new".`,
    )
    this.stream = stream
  }
}

/** No stream of this broker keeps these topics, or the stream that must be there is not. */
export class StreamMissingError extends SpillwayError {
  override readonly name = 'StreamMissingError'
  override readonly code = 'SPW_STREAM_MISSING'
  readonly what: string

  constructor(what: string, why: string) {
    super(`${why}: name a stream for it in the broker's \`streams\`, or make it with the tools of NATS.`)
    this.what = what
  }
}

/** The consumer of a subscription could not be made, or the server has it no more. `cause` is what the server said. */
export class ConsumerLostError extends SpillwayError {
  override readonly name = 'ConsumerLostError'
  override readonly code = 'SPW_CONSUMER_LOST'
  readonly stream: string
  readonly consumer: string

  constructor(stream: string, consumer: string, why: string, options?: { readonly cause?: unknown }) {
    super(
      `Consumer "${consumer}" of stream "${stream}": ${why}. Subscribe again, with \`from\` for a place of your choice.`,
      options,
    )
    this.stream = stream
    this.consumer = consumer
  }
}
