import { createBroker, type MemoryBroker, type Message, type Observer } from '../../../src/index.ts'
import type { SpillAreaOptions } from '../../../src/wal/spill/contract.ts'
import { DiskSpillArea } from '../../../src/wal/spill/spill-area.ts'
import { SimDisk } from '../../crash/sim-disk.ts'

/** A broker that spills to a disk in memory. */
export function simulated(
  options: SpillAreaOptions = {},
  observer: Observer = {},
): { readonly disk: SimDisk; readonly area: DiskSpillArea; readonly broker: MemoryBroker } {
  const disk = new SimDisk(['/'])
  const area = new DiskSpillArea(disk, '/area', options, () => Promise.resolve())
  return { disk, area, broker: createBroker({ spill: area, observer }) }
}

export function numbers(messages: readonly Message[]): readonly unknown[] {
  return messages.map(({ payload }) => (payload as { n: number }).n)
}

/** Bytes of one message `{ n, pad }` on the disk. */
export async function sizeOnDisk(pad: string): Promise<number> {
  const { broker } = simulated()
  const slow = broker.subscribe('a', { overflow: 'spill', capacity: 1 })
  await broker.publish('a', { n: 0, pad })
  await broker.publish('a', { n: 1, pad })
  return slow.ledger().spill?.bytes ?? 0
}
