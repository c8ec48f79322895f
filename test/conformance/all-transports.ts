import { engineNames, kafka } from '../kafka/transport.ts'
import { jetStream } from '../nats/jetstream/transport.ts'
import { coreNats } from '../nats/transport.ts'
import type { BackedTransport } from './backed-transport.ts'
import { log, memory, wal } from './transports.ts'

const nothing = async (): Promise<void> => undefined

/** Every broker of this package, in the order of the columns of docs/transports.md; the log on disk as its users have it. */
export function allTransports(): readonly BackedTransport[] {
  return [
    { transport: memory, start: nothing, end: nothing },
    { transport: log, start: nothing, end: nothing },
    wal('worker'),
    coreNats(),
    jetStream(),
    ...engineNames.map(kafka),
  ]
}
