import type * as transportPackage from '@nats-io/transport-node'
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node'
import { checkSignal } from '../core/abort.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { ClientMissingError } from '../remote/errors.ts'

/** The options of the client package, and how long to wait for the first connection. */
export interface ConnectNatsOptions extends NodeConnectionOptions {
  /** Gives up waiting for the first connection; `connectNats` then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** What the client's own defaults make of an outage: it gives up after ten attempts, and notices a dead server in minutes. */
const defaults = {
  maxReconnectAttempts: -1,
  reconnectTimeWait: 250,
  reconnectJitter: 100,
  reconnectJitterTLS: 250,
  waitOnFirstConnect: true,
  pingInterval: 10_000,
  maxPingOut: 2,
  timeout: 5_000,
} as const satisfies NodeConnectionOptions

const packageName = '@nats-io/transport-node'
type Transport = typeof transportPackage

/**
 * Opens a connection that outlives its server: it waits for the first connection and reconnects for ever, with 250 ms
 * and up to 100 ms of jitter between attempts, and takes a server that leaves two pings (every 10 s) unanswered for gone.
 * Every option of the client overrides these. You own the connection: brokers never close it.
 *
 * Rejects with `ClientMissingError` without the package `@nats-io/transport-node`, with the error of the client when the
 * server refuses the credentials, and with the reason of `signal`.
 *
 * @example
 * await using broker = createNatsBroker({ connection: await connectNats({ servers: 'nats.example:4222' }) })
 */
export async function connectNats(options: ConnectNatsOptions = {}): Promise<NatsConnection> {
  const { signal, waitOnFirstConnect = defaults.waitOnFirstConnect, ...given } = options
  checkSignal(signal)
  signal?.throwIfAborted()
  const transport = await loadTransport(() => import('@nats-io/transport-node'))
  // The client could wait by itself, but nobody could stop it, and it would try wrong credentials for ever.
  const settings = { ...defaults, ...given, waitOnFirstConnect: false }
  for (;;) {
    try {
      return await transport.connect(settings)
    } catch (error) {
      if (!waitOnFirstConnect || isFinal(error, transport)) throw error
      const delayMs = settings.reconnectTimeWait + Math.random() * settings.reconnectJitter
      await pause(delayMs, signal, systemClock)
    }
  }
}

/** Throws `ClientMissingError` when it is the package itself that is missing. */
export async function loadTransport(load: () => Promise<Transport>): Promise<Transport> {
  try {
    return await load()
  } catch (error) {
    const missing = (error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND'
    throw missing ? new ClientMissingError(packageName, 'connectNats', { cause: error }) : error
  }
}

/** Whether trying again cannot help. */
function isFinal(error: unknown, { errors }: Transport): boolean {
  return (
    error instanceof errors.AuthorizationError ||
    error instanceof errors.UserAuthenticationExpiredError ||
    error instanceof errors.InvalidArgumentError ||
    error instanceof TypeError
  )
}

function pause(ms: number, signal: AbortSignal | undefined, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const cancel = clock.schedule(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    const abort = (): void => {
      cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}
