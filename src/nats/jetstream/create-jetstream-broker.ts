import { InvalidOptionError } from '../../core/errors.ts'
import type { AnyEvents } from '../../core/event-map.ts'
import { duration, wholeNumber } from '../../core/settings.ts'
import { StreamBroker } from './broker.ts'
import type { JetStreamBroker, JetStreamBrokerOptions } from './contract.ts'
import type { PublishSettings } from './publisher.ts'
import { checkStreams } from './stream-options.ts'

/**
 * Makes a broker whose messages are in streams of a NATS server with JetStream, from version 2.9 on. Makes the streams that
 * are missing and compares those that are there; it changes and deletes none.
 *
 * Rejects with `InvalidOptionError`, `CapabilityMissingError`, `UnsafeStreamError` for a work queue that removes old
 * messages, `StreamConflictError`, `StreamMissingError`, `ClientMissingError` without the package `@nats-io/jetstream`,
 * and with the client's error when the server has no JetStream or refuses a stream.
 *
 * @example
 * const connection = await connectNats({ servers: 'nats.example:4222' })
 * const streams = [{ name: 'ORDERS', topics: ['orders.>'] }]
 * await using broker = await createJetStreamBroker({ connection, streams })
 */
export async function createJetStreamBroker<E extends object = AnyEvents>(
  options: JetStreamBrokerOptions,
): Promise<JetStreamBroker<E>> {
  if (typeof options?.connection?.publish !== 'function')
    throw new InvalidOptionError(
      'connection',
      options?.connection,
      'Give a connection of @nats-io/nats-core.',
    )
  const settings = publishSettings(options)
  checkStreams(options.streams, settings.deadlineMs)
  return (await StreamBroker.open(options, settings)) as unknown as JetStreamBroker<E>
}

function publishSettings({
  publishDeadlineMs,
  resendAfterMs,
  window = {},
}: JetStreamBrokerOptions): PublishSettings {
  const deadlineMs = duration('publishDeadlineMs', publishDeadlineMs, 30_000)
  if (!(deadlineMs > 0) || deadlineMs === Number.POSITIVE_INFINITY)
    throw new InvalidOptionError(
      'publishDeadlineMs',
      publishDeadlineMs,
      'Give a finite number above 0: the server does not know an id for ever.',
    )
  return {
    deadlineMs,
    resendAfterMs: wholeNumber('resendAfterMs', resendAfterMs, 5_000),
    windowMessages: wholeNumber('window.messages', window.messages, 256),
    windowBytes: wholeNumber('window.bytes', window.bytes, 8_388_608),
    waitingBytes: wholeNumber('window.waitingBytes', window.waitingBytes, 67_108_864),
  }
}
