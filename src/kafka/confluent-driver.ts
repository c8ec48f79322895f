import { ClientAdmin } from './admin-driver.ts'
import type { AdminClient } from './client.ts'
import { ConfluentConsumer } from './confluent-consumer.ts'
import { ConfluentProducer } from './confluent-producer.ts'
import type { KafkaClient } from './contract.ts'
import type { KafkaDriver } from './driver.ts'

/** `@confluentinc/kafka-javascript`. Settings go by librdkafka's names, which work however the client was configured. */
export function confluentDriver(kafka: KafkaClient): KafkaDriver {
  return {
    engine: 'confluent',
    confirmsCommits: false,
    producer: (settings) => new ConfluentProducer(kafka, settings),
    consumer: (settings, events) => new ConfluentConsumer(kafka, settings, events),
    admin: () => new ClientAdmin(() => kafka.admin() as AdminClient),
  }
}
