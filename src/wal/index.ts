/** A broker whose messages are in a crash-safe log on disk. */
export { openDurableBroker } from './broker/open-durable-broker.ts'
export { openLogFollower } from './follow/log-follower.ts'
export type { FollowLevel, FollowOptions, LogFollower } from './follow/contract.ts'
export type { PayloadCodec } from '../core/codec.ts'
export type {
  CompactionOptions,
  CompactionReport,
  DurableBroker,
  DurableBrokerOptions,
  DurableLedger,
  DurablePublisher,
  DurablePublishOptions,
  DurableReceipt,
  GroupDelivery,
  GroupOptions,
  GroupPosition,
  GroupStatus,
  LogCounts,
  RecoveryReport,
  Retention,
  StoredMessage,
  SyncPolicy,
  TopicLimits,
  TopicStatus,
  TornTail,
  WalCapability,
} from './contract.ts'
export {
  LogCompactionError,
  LogCorruptError,
  LogFailedError,
  LogLockedError,
  LogNewerError,
  LogReadError,
  LogOverloadedError,
  ProducerSequenceError,
  RecordTooLargeError,
} from './errors.ts'
export { openSpillArea } from './spill/spill-area.ts'
export type {
  DroppedFilter,
  KeptCopy,
  ReplayReport,
  ReplayTarget,
  SpillArea,
  SpillAreaOptions,
} from './spill/contract.ts'
