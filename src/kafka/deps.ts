import type { Clock } from '../core/clock.ts'
import type { Observers } from '../core/observers.ts'
import type { Wire } from '../remote/wire.ts'
import type { AdminDriver, KafkaDriver } from './driver.ts'
import type { KafkaSettings } from './options.ts'
import type { TopicWatch } from './topic-watch.ts'

/** What everything of one broker shares. */
export interface Deps {
  readonly driver: KafkaDriver
  readonly admin: AdminDriver
  readonly topics: TopicWatch
  readonly clock: Clock
  readonly observers: Observers
  readonly wire: Wire
  readonly settings: KafkaSettings
  /** A request has failed. */
  readonly trouble: (error: unknown) => void
}
