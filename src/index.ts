/** Spillway inside one process: typed topics, bounded mailboxes, a ledger that adds up. */
export { type Capability, capabilityNames, checkRequired } from './core/capabilities.ts'
export { type Clock, systemClock } from './core/clock.ts'
export type {
  AckLevel,
  Broker,
  Capabilities,
  DrainOptions,
  DrainReport,
  DropReason,
  Handler,
  HandlerOptions,
  HandlerSubscription,
  MemoryBroker,
  MemoryPolicy,
  OverflowOptions,
  OverflowPolicy,
  PublishAndWaitOptions,
  PublishOptions,
  Receipt,
  SubscribeOptions,
  Subscription,
  SubscriptionBase,
  TopicPublisher,
} from './core/contract.ts'
export type { PayloadCodec } from './core/codec.ts'
export { type Delivery, isDelivery, type NakOptions } from './core/delivery.ts'
export {
  BrokerClosedError,
  CapabilityMissingError,
  ConcurrentIterationError,
  describeMailbox,
  GroupConflictError,
  InvalidOptionError,
  InvalidPatternError,
  InvalidTopicError,
  InvariantError,
  LedgerImbalanceError,
  MailboxFullError,
  type MailboxName,
  PayloadInvalidError,
  PublishTimeoutError,
  type SchemaIssue,
  SelfBlockError,
  SlowSubscriberError,
  SpillwayError,
} from './core/errors.ts'
export type { AnyEvents, MessageOf, PayloadOf, TopicOf, ValidPattern } from './core/event-map.ts'
export type { Health } from './core/health.ts'
export {
  assertBalanced,
  dropReasons,
  type GroupLedger,
  type Ledger,
  type MailboxCounts,
  type MailboxLedger,
  type SpillCounts,
  sumCounts,
  totalDropped,
  type TransportCounts,
} from './core/ledger.ts'
export { type BrokerOptions, createBroker, type MemoryCapability } from './core/memory-broker.ts'
export type { Headers, Message } from './core/message.ts'
export type { BrokerEvents, Observer, WarningCode } from './core/observer.ts'
export { OffsetEvictedError, OffsetOutOfRangeError } from './core/offset-errors.ts'
export type { Position } from './core/position.ts'
export type { PayloadSchema } from './core/schema.ts'
export { overflowPolicies } from './core/settings.ts'
export type { DroppedCopy, SpillQueue, SpillStore, SpillVerdict } from './core/spill.ts'
export { checkPattern, checkTopic, isLiteral, matches, maxTopicLength } from './core/topic.ts'
