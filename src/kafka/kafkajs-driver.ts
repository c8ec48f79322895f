import { ClientAdmin } from './admin-driver.ts'
import type { AdminClient } from './client.ts'
import type { KafkaClient } from './contract.ts'
import type { KafkaDriver } from './driver.ts'
import { KafkajsConsumer } from './kafkajs-consumer.ts'
import { KafkajsProducer } from './kafkajs-producer.ts'

/** `kafkajs`. */
export function kafkajsDriver(kafka: KafkaClient): KafkaDriver {
  return {
    engine: 'kafkajs',
    confirmsCommits: true,
    producer: (settings) => new KafkajsProducer(kafka, settings),
    consumer: (settings, events) => new KafkajsConsumer(kafka, settings, events),
    admin: () =>
      new ClientAdmin(() => kafka.admin({ retry: { initialRetryTime: 100, retries: 2 } }) as AdminClient),
  }
}
