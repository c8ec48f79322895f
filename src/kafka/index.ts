/** Apache Kafka, with the client that you have: `kafkajs` or `@confluentinc/kafka-javascript`. */
export type {
  CommitCounts,
  KafkaBatching,
  KafkaBroker,
  KafkaBrokerOptions,
  KafkaCapability,
  KafkaClient,
  KafkaConsuming,
  KafkaDelivery,
  KafkaEngine,
  KafkaGroupOptions,
  KafkaGroupStatus,
  KafkaLedger,
  KafkaMessage,
  KafkaPublisher,
  KafkaPublishOptions,
  KafkaReaderOptions,
  KafkaReceipt,
  KafkaTopics,
  KafkaWindow,
} from './contract.ts'
export { createKafkaBroker } from './create-kafka-broker.ts'
export { KafkaRequestError, KafkaTopicError, PartitionedTopicError } from './errors.ts'
export {
  DisconnectedError,
  PublishOverloadedError,
  PublishRejectedError,
  PublishUnconfirmedError,
} from '../remote/errors.ts'
