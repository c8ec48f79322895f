import type { OpenOptions } from 'spillway/conformance'
import type { Broker } from 'spillway'
import { createNatsBroker, type NatsBroker } from 'spillway/nats'
import { natsCapabilities } from '../../src/nats/nats-broker.ts'
import type { BackedTransport } from '../conformance/backed-transport.ts'
import { TwoConnections } from './two-connections.ts'

/** The kit's view of core NATS. */
export function coreNats(): BackedTransport {
  const backing = new TwoConnections({ jetStream: false })
  const open = (which: 0 | 1, options?: OpenOptions): Promise<Broker> => {
    const observer = { warning: () => undefined }
    return Promise.resolve(createNatsBroker({ observer, ...options, connection: backing.connection(which) }))
  }
  return {
    transport: {
      name: 'core NATS',
      capabilities: natsCapabilities,
      open: (options) => open(0, options),
      another: (options) => open(1, options),
      ready: (broker) => (broker as NatsBroker).flush(),
      server: backing.server,
      link: backing.link,
      maxPayloadBytes: 1_000_000,
    },
    start: () => backing.start(),
    end: () => backing.end(),
  }
}
