/** A broker in this process that remembers: replay from an offset, a time or the start, then live. */
export type {
  LogBroker,
  LogBrokerOptions,
  LogCapability,
  LogLedger,
  LogMessage,
  LogPublisher,
  LogReceipt,
  LogTopic,
  Retention,
} from './contract.ts'
export { createLogBroker } from './log-broker.ts'
