import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { type Broker, createBroker } from 'spillway'
import type { Transport } from 'spillway/conformance'
import { createLogBroker, type LogBroker } from 'spillway/log'
import { type DurableBroker, type DurableBrokerOptions, openDurableBroker } from 'spillway/wal'
import { walCapabilities } from '../../src/wal/broker/log-broker.ts'
import type { BackedTransport } from './backed-transport.ts'

// The kit's view of the brokers inside this process. By name: in tests that is the source, for the cards what is built.

export const memory: Transport = {
  name: 'memory',
  capabilities: createBroker().capabilities,
  open: (options) => Promise.resolve(createBroker(options)),
}

export const log: Transport = {
  name: 'log',
  capabilities: createLogBroker().capabilities,
  open: (options) => Promise.resolve(createLogBroker({ ...options, retention: { count: 2000 } })),
  evict: publishUntilEvicted,
}

/** Every broker opens the same directory. Retention is small so that it can be reached. */
export function wal(engine: NonNullable<DurableBrokerOptions['engine']>): BackedTransport {
  let dir: string | undefined
  const settings = { engine, segmentBytes: 65_536, retention: { count: 3000 } }
  return {
    transport: {
      name: 'wal',
      capabilities: walCapabilities,
      open: async (options) => {
        if (dir === undefined) throw new Error('start() comes first')
        return openDurableBroker(dir, { ...options, ...settings })
      },
      evict: publishUntilEvicted,
    },
    async start() {
      dir = mkdtempSync(`${tmpdir()}/spillway-conformance-`)
    },
    async end() {
      if (dir !== undefined) rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function publishUntilEvicted(broker: Broker, topic: string): Promise<void> {
  const keeper = broker as LogBroker | DurableBroker
  const publisher = keeper.topic(topic)
  while (keeper.topics().find((one) => one.topic === topic)?.first === 0) {
    for (let n = 0; n < 500; n++) publisher.append(`filler ${n} ${'x'.repeat(40)}`)
    if ('flush' in keeper) await keeper.flush()
  }
}
