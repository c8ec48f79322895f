/** A broker whose messages are in a crash-safe log on disk. */
export { openDurableBroker } from './broker/open-durable-broker.ts'
export { type FollowOptions, type LogFollower, openLogFollower } from './follow/log-follower.ts'
export type { FollowLevel } from './follow/followed-log.ts'
export type {
  DurableBroker,
  DurableBrokerOptions,
  DurableLedger,
  DurablePublisher,
  DurablePublishOptions,
  DurableReceipt,
  GroupDelivery,
  GroupOptions,
  GroupStatus,
  LogCounts,
  PayloadCodec,
  RecoveryReport,
  Retention,
  StoredMessage,
  SyncPolicy,
  TopicStatus,
  TornTail,
} from './contract.ts'
export {
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
