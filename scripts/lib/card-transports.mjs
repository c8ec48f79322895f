import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createBroker } from 'spillway'
import { createLogBroker } from 'spillway/log'
import { openDurableBroker } from 'spillway/wal'

/** Publishes until retention has removed the first message of a topic. */
async function evict(broker, topic) {
  const publisher = broker.topic(topic)
  while (broker.topics().find((one) => one.topic === topic)?.first === 0) {
    for (let n = 0; n < 500; n++) publisher.append(`filler ${n} ${'x'.repeat(40)}`)
    await broker.flush?.()
  }
}

/** What cards are made of, in the order of their columns: each makes a transport and says how to end what is behind it. */
export const cardTransports = [
  async () => ({
    transport: {
      name: 'memory',
      capabilities: createBroker().capabilities,
      open: async (options) => createBroker(options),
    },
    async end() {},
  }),
  async () => ({
    transport: {
      name: 'log',
      capabilities: createLogBroker().capabilities,
      open: async (options) => createLogBroker({ ...options, retention: { count: 2000 } }),
      evict,
    },
    async end() {},
  }),
  async () => {
    const dir = mkdtempSync(`${tmpdir()}/spillway-cards-`)
    const retention = { segmentBytes: 65_536, retention: { count: 3000 } }
    const open = (options) => openDurableBroker(dir, { ...options, ...retention })
    const first = await open()
    await first.close()
    return {
      transport: { name: 'wal', capabilities: first.capabilities, open, evict },
      end: async () => rmSync(dir, { recursive: true, force: true }),
    }
  },
]
