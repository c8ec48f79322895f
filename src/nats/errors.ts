import { errors } from '@nats-io/nats-core'
import type { SpillwayError } from '../core/errors.ts'
import { DisconnectedError, MessageTooLargeError, PublishRejectedError } from '../remote/errors.ts'

/** What a client that refuses to send means for the publisher: nothing was sent in any case. */
export function publishError(topic: string, error: unknown, bytes: number, limit: number): SpillwayError {
  if (isClosed(error)) return new DisconnectedError(topic, 'its connection is closed')
  if (error instanceof errors.InvalidArgumentError && /max_payload/.test(error.message))
    return new MessageTooLargeError(topic, bytes, limit)
  return new PublishRejectedError(topic, error instanceof Error ? error.message : String(error), {
    cause: error,
  })
}

/** Whether the client has ended, or is about to. */
export function isClosed(error: unknown): boolean {
  return error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError
}
