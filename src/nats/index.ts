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
