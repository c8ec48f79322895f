import type { MemoryBroker } from './contract.ts'
import type { AnyEvents } from './event-map.ts'
import type { BrokerOptions } from './broker-options.ts'
import { InProcessBroker } from './in-process-broker.ts'

export type { BrokerOptions, MemoryCapability } from './broker-options.ts'
export { InProcessBroker } from './in-process-broker.ts'

/**
 * Makes a broker inside this process. An awaited publish means: every matching mailbox took its copy, or its policy
 * decided. Nothing survives the end of the process.
 *
 * @example
 * const broker = createBroker<{ 'orders.created': { id: number } }>()
 * const orders = broker.subscribe('orders.*', { overflow: 'drop-oldest', capacity: 16 })
 * await broker.publish('orders.created', { id: 1 })
 * for await (const { payload } of orders) console.log(payload.id)
 */
export function createBroker<E extends object = AnyEvents>(options: BrokerOptions = {}): MemoryBroker<E> {
  // The implementation is untyped inside; the map of topics to payloads lives in the interface alone.
  return new InProcessBroker(options) as unknown as MemoryBroker<E>
}
