import type { Capability } from '../core/capabilities.ts'
import type { Broker, Capabilities, OverflowPolicy, SubscriptionBase } from '../core/contract.ts'
import type { Observer } from '../core/observer.ts'
import type { PayloadSchema } from '../core/schema.ts'

/** What the kit opens a broker with: hand it on to the factory as it is. Every broker has these options. */
export interface OpenOptions {
  readonly observer?: Observer
  /** Names of capabilities; typed so that the factory of every broker takes them. */
  readonly requires?: readonly never[]
  readonly schemas?: Readonly<Record<string, PayloadSchema>>
}

/** What a broker declares: its own `capabilities`, or as much of them written out. */
export type Declared = Pick<Capabilities, 'broker' | 'provides' | 'delivery' | 'overflow'>

/** The server behind a broker, so that the kit can take it away. */
export interface ServerControl {
  /** Ends it without warning (SIGKILL). Resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again at the same address, with its data. Resolves when it takes connections. */
  start(): Promise<void>
}

/** A network that fails on demand: `FaultProxy` is one. */
export interface FaultLink {
  /** Ends every connection and takes no new one until `heal`. */
  cut(): void
  /** Half-open: connections stay, and no byte goes through in either direction until `heal`. */
  stall(): void
  /** Every chunk waits so long, in milliseconds, in each direction. */
  delay(ms: number): void
  /** Ends every connection with a reset; new ones are taken. */
  reset(): void
  /** Works again: what was stalled goes through, later, in order. */
  heal(): void
}

/** How patient the kit is, and how much it sends. */
export interface Pace {
  /** How long the kit waits for one thing to happen, in milliseconds. @defaultValue 5000 */
  readonly deadlineMs?: number
  /** Deadlines of deliveries, delays and timeouts that the kit asks for are so many times longer. @defaultValue 1 */
  readonly stretch?: number
  /** Numbers of messages are multiplied by it. @defaultValue 1 */
  readonly volume?: number
}

/**
 * A kind of broker, for the kit: how to make one, what it declares, and what can be done to what lies behind it. Hooks that
 * are left out leave out the scenarios that need them; the card then says `untested` where nothing else shows a capability.
 */
export interface Transport {
  /** In titles and on cards. */
  readonly name: string
  readonly capabilities: Declared
  /**
   * A broker, as one process would make it. The kit closes it before it opens the next, and never closes what the broker was
   * made from. When `durable` is declared, every broker finds what earlier ones stored.
   */
  open(options?: OpenOptions): Promise<Broker>
  /** A second broker beside one that is open, as another process would make it. Absent where there is one at a time. */
  another?(options?: OpenOptions): Promise<Broker>
  readonly server?: ServerControl
  /** Every connection of brokers that the kit opens goes through it. */
  readonly link?: FaultLink
  /** Makes retention remove the first message of a topic, publishing to it as needed. Resolves when it is gone. */
  evict?(broker: Broker, topic: string): Promise<void>
  /** Is called with topics that are about to be used for the first time: creates them where that is not done by itself. */
  prepare?(topics: readonly string[]): Promise<void>
  /**
   * Resolves when a subscription that was just made will get everything that anybody publishes from now on.
   * @defaultValue at once
   */
  ready?(broker: Broker, subscription: SubscriptionBase): Promise<void>
  /** Deliveries of groups stay open until they are settled or their member has gone, however long that takes. @defaultValue false */
  readonly noAckDeadline?: boolean
  /** Largest payload in bytes; the kit tries up to 1 MiB. @defaultValue 1048576 */
  readonly maxPayloadBytes?: number
  readonly pace?: Pace
  /** First token of every topic that the kit uses. @defaultValue 'conformance' */
  readonly topicPrefix?: string
}

/** `subscribe-first` runs on anything; `publish-first` needs a broker that keeps messages. */
export type Mode = 'subscribe-first' | 'publish-first'

/** A promise and its test. */
export interface Scenario {
  /** Stable, like `acks/nak-delivers-again`: area and what it shows. */
  readonly name: string
  /** The promise, as a sentence that begins with a verb. */
  readonly title: string
  readonly mode: Mode
  /** It certifies these, and runs only where all of them are declared. */
  readonly needs: readonly Capability[]
  /** The overflow policy it certifies. */
  readonly policy: OverflowPolicy | undefined
  /**
   * Runs it on a broker of its own and audits what it leaves: books that balance after every step, no subscription, nothing
   * delivered after the end. Rejects with what is wrong.
   */
  readonly run: () => Promise<void>
}

/** What a scenario came to. */
export interface ScenarioResult {
  readonly name: string
  readonly title: string
  readonly ok: boolean
  readonly durationMs: number
  /** What is wrong, when it is not ok. */
  readonly error?: string
}

/**
 * `certified`: every scenario that needs it has passed, and there is one. `failed`: one has not. `untested`: declared, but no
 * scenario for it could run, because the transport has not the hook. `not provided`: not declared.
 */
export type Verdict = 'certified' | 'failed' | 'untested' | 'not provided'

/** What a transport has shown. Plain data: `JSON.stringify` it. */
export interface CapabilityCard {
  readonly transport: string
  readonly broker: string
  /** Of this kit. */
  readonly version: string
  readonly delivery: Capabilities['delivery']
  /** True when every scenario has passed. */
  readonly ok: boolean
  /** What every broker promises, whatever it declares. */
  readonly contract: Verdict
  readonly capabilities: Readonly<Record<Capability, Verdict>>
  readonly overflow: Readonly<Record<OverflowPolicy, Verdict>>
  readonly scenarios: readonly ScenarioResult[]
  /** Names of scenarios for what is declared that could not run, because the transport has not the hook. */
  readonly leftOut: readonly string[]
}
