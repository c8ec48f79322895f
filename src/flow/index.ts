/** Handlers at work on any broker: concurrency, order per key, retries, dead letters, and books that add up. */
export { consume, consumeBatches } from './consume.ts'
export type {
  BatchConsumerOptions,
  BatchContext,
  BatchHandler,
  BatchMiddleware,
  BrokerSource,
  CircuitOptions,
  Consumer,
  ConsumerOptions,
  ConsumerReport,
  ConsumerState,
  DeadLetterBroker,
  DeadLetterOptions,
  DedupeOptions,
  Exhausted,
  FlowOptions,
  HandlerContext,
  KnownEnd,
  MessageHandler,
  Middleware,
  RateOptions,
  RetryOptions,
  SourceOptions,
  TakenOf,
} from './contract.ts'
export {
  ConsumerEndedError,
  ConsumerStoppedError,
  DeadLetterError,
  DeliveryLostError,
  HandlerDeadlineError,
  NotHandledError,
} from './errors.ts'
export { assertConsumerBalanced, type AttemptCounts, type ConsumerLedger, type InFlight } from './ledger.ts'
export type {
  ConsumerEvents,
  ConsumerObserver,
  DeadLetterReason,
  HoldReason,
  ReturnReason,
} from './observer.ts'
