/** Brokers on a NATS server. The client packages of NATS are optional peer dependencies. */
export { connectNats, type ConnectNatsOptions } from './connect.ts'
export { createNatsBroker } from './nats-broker.ts'
export type {
  NatsBroker,
  NatsBrokerOptions,
  NatsCapability,
  NatsLedger,
  NatsPublisher,
  OutageLimits,
  RawBody,
} from './contract.ts'
export { createJetStreamBroker } from './jetstream/create-jetstream-broker.ts'
export type {
  JetStreamBroker,
  JetStreamBrokerOptions,
  JetStreamCapability,
  JetStreamDelivery,
  JetStreamGroupOptions,
  JetStreamGroupStatus,
  JetStreamLedger,
  JetStreamMessage,
  JetStreamPublisher,
  JetStreamReceipt,
  JetStreamStatus,
  StreamOptions,
} from './jetstream/contract.ts'
export {
  ConsumerLostError,
  StreamConflictError,
  StreamMissingError,
  UnsafeStreamError,
} from './jetstream/errors.ts'
export {
  ClientMissingError,
  DisconnectedError,
  MessageTooLargeError,
  PublishOverloadedError,
  PublishRejectedError,
  PublishUnconfirmedError,
} from '../remote/errors.ts'
export type { Health } from '../core/health.ts'
export type { PayloadCodec } from '../core/codec.ts'
