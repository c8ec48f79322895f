import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Transport } from '../../src/conformance/index.ts'
import type { Broker } from '../../src/index.ts'
import { createBroker } from '../../src/index.ts'
import { createLogBroker, type LogBroker } from '../../src/log/index.ts'
import { type DurableBroker, openDurableBroker } from '../../src/wal/index.ts'

/** The kit's view of the brokers inside this process. */
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
export async function wal(dir: string): Promise<Transport> {
  const open: Transport['open'] = (options) =>
    openDurableBroker(dir, {
      ...options,
      engine: 'inline',
      segmentBytes: 65_536,
      retention: { count: 3000 },
    })
  const first = await open()
  await first.close()
  return { name: 'wal', capabilities: first.capabilities, open, evict: publishUntilEvicted }
}

async function publishUntilEvicted(broker: Broker, topic: string): Promise<void> {
  const keeper = broker as LogBroker | DurableBroker
  const publisher = keeper.topic(topic)
  while (keeper.topics().find((one) => one.topic === topic)?.first === 0) {
    for (let n = 0; n < 500; n++) publisher.append(`filler ${n} ${'x'.repeat(40)}`)
    if ('flush' in keeper) await keeper.flush()
  }
}

/** A directory, and how to be rid of it. */
export function directory(): { readonly dir: string; readonly remove: () => void } {
  const dir = mkdtempSync(`${tmpdir()}/spillway-conformance-`)
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}
