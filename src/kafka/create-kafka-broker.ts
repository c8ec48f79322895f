import type { AnyEvents } from '../core/event-map.ts'
import type { KafkaBroker, KafkaBrokerOptions } from './contract.ts'
import { KafkaOwnBroker } from './kafka-broker.ts'

/**
 * A broker whose messages are in Apache Kafka. It connects when it is first used, with clients of its own that it makes
 * from `kafka` and ends when it ends.
 *
 * @throws InvalidOptionError for an option that has a value it cannot have
 * @throws CapabilityMissingError when `requires` names what Kafka does not provide
 *
 * @example
 * import { Kafka } from 'kafkajs'
 *
 * const broker = createKafkaBroker({ kafka: new Kafka({ clientId: 'shop', brokers: ['127.0.0.1:9092'] }) })
 * await broker.publish('orders.created', { id: 1 }, { key: 'customer-7' }) // all in-sync replicas have it
 * broker.subscribe('orders.*', ({ payload }) => save(payload), { group: 'billing', from: 'start' })
 */
export function createKafkaBroker<E extends object = AnyEvents>(options: KafkaBrokerOptions): KafkaBroker<E> {
  return new KafkaOwnBroker(options) as unknown as KafkaBroker<E>
}
