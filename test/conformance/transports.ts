import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createBroker } from '../../src/index.ts'
import { createLogBroker } from '../../src/log/index.ts'
import { openDurableBroker } from '../../src/wal/index.ts'
import type { Transport } from '../../src/conformance/index.ts'

/** The kit's view of the brokers inside this process. */
export const memory: Transport = {
  name: 'memory',
  capabilities: createBroker().capabilities,
  open: (options) => Promise.resolve(createBroker(options)),
}

export const log: Transport = {
  name: 'log',
  capabilities: createLogBroker().capabilities,
  open: (options) => Promise.resolve(createLogBroker(options)),
}

/** Every broker opens the same directory. */
export async function wal(dir: string): Promise<Transport> {
  const first = await openDurableBroker(dir, { engine: 'inline' })
  await first.close()
  return {
    name: 'wal',
    capabilities: first.capabilities,
    open: (options) => openDurableBroker(dir, { engine: 'inline', ...options }),
  }
}

export function directory(): { readonly dir: string; readonly remove: () => void } {
  const dir = mkdtempSync(`${tmpdir()}/spillway-conformance-`)
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}
