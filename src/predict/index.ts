/** What happens when the publisher is faster than the subscriber: said beforehand, and measured on a virtual clock. */
export { predict } from './predict.ts'
export type { Outcome, PublisherOutcome, Setting } from './setting.ts'
export { simulate, type SimulateOptions } from './simulate.ts'
export { VirtualClock } from './virtual-clock.ts'
