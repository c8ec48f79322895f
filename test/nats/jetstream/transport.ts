import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { OpenOptions } from 'spillway/conformance'
import type { Broker } from 'spillway'
import { createJetStreamBroker, type JetStreamBroker } from 'spillway/nats'
import { jetStreamCapabilities } from '../../../src/nats/jetstream/broker.ts'
import type { BackedTransport } from '../../conformance/backed-transport.ts'
import { TwoConnections } from '../two-connections.ts'

const stream = { name: 'CONFORMANCE', topics: ['conformance.>'] }

/** The kit's view of JetStream. */
export function jetStream(): BackedTransport {
  const backing = new TwoConnections()
  let manager: JetStreamManager | undefined
  let scenario: string | undefined

  function open(which: 0 | 1, options?: OpenOptions): Promise<Broker> {
    const settings = { observer: { warning: () => undefined }, streams: [stream], resendAfterMs: 500 }
    return createJetStreamBroker({ ...settings, ...options, connection: backing.connection(which) })
  }

  // An offset of JetStream counts what is in a stream, whatever its topic; the kit counts from the first message of a
  // topic. So each scenario begins with an empty stream.
  async function prepare([topic]: readonly string[]): Promise<void> {
    const current = topic?.split('.')[1]
    if (manager === undefined || current === scenario) return
    scenario = current
    await emptyStream(manager)
  }

  return {
    transport: {
      name: 'JetStream',
      capabilities: jetStreamCapabilities,
      open: (options) => open(0, options),
      another: (options) => open(1, options),
      ready: (broker) => (broker as JetStreamBroker).flush(),
      prepare,
      evict: async (broker, topic) => evict(manager, broker, topic),
      server: backing.server,
      link: backing.link,
      maxPayloadBytes: 1_000_000,
    },
    async start() {
      await backing.start()
      manager = await jetstreamManager(backing.connection(0))
    },
    end: () => backing.end(),
  }
}

async function emptyStream(manager: JetStreamManager): Promise<void> {
  // Somebody who has subscribed already waits for these topics.
  for await (const { num_waiting: asks } of manager.consumers.list(stream.name)) if (asks > 0) return
  await manager.streams.delete(stream.name)
  await manager.streams.add({ name: stream.name, subjects: stream.topics })
}

/** Removes everything up to the first message of the topic, as a limit of the stream would. */
async function evict(manager: JetStreamManager | undefined, broker: Broker, topic: string): Promise<void> {
  await broker.publish(topic, 'to be removed')
  const query = { seq: 1, next_by_subj: topic } // one that the types of the client do not know
  const first = await manager?.streams.getMessage(stream.name, query)
  await manager?.streams.purge(stream.name, { seq: (first?.seq ?? 0) + 1 })
}
