import { checkRequired } from '../../core/capabilities.ts'
import type { AnyEvents } from '../../core/event-map.ts'
import type { DurableBroker } from '../contract.ts'
import { lockDirectory } from '../lock.ts'
import { type LogOptions, logSettings } from '../store/open-options.ts'
import { DiskSpillArea } from '../spill/spill-area.ts'
import { LogBroker, walCapabilities } from './log-broker.ts'

/**
 * Opens the log in `dir`, which is made if it is not there, and a broker on it. Resolves when everything the log holds
 * is on the disk for good and can be read.
 *
 * @throws LogLockedError when another process has it open
 * @throws LogCorruptError when something that was durable is damaged or missing; nothing was changed
 * @throws LogNewerError when a newer version wrote it
 *
 * @example
 * const broker = await openDurableBroker('./data')
 * await broker.publish('orders.created', { id: 1 }) // on the disk now
 * for await (const { payload } of broker.subscribe('orders.*', { from: 'start' })) console.log(payload)
 */
export async function openDurableBroker<E extends object = AnyEvents>(
  dir: string,
  options: LogOptions = {},
): Promise<DurableBroker<E>> {
  checkRequired(walCapabilities, options.requires)
  const settings = logSettings(options)
  settings.fileSystem.mkdir(dir)
  const lock = settings.lock ? await lockDirectory(dir) : undefined
  try {
    const nothing = (): Promise<void> => Promise.resolve()
    const spill = new DiskSpillArea(settings.fileSystem, `${dir}/spill`, options.spill ?? {}, nothing)
    const release = (): Promise<void> => lock?.release() ?? Promise.resolve()
    const broker = LogBroker.open(dir, settings, options, release, spill)
    return broker as unknown as DurableBroker<E>
  } catch (error) {
    await lock?.release()
    throw error
  }
}
