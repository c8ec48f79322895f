import { createBroker, type MemoryBroker, type Message } from '../../src/index.ts'
import {
  assertConsumerBalanced,
  type Consumer,
  type ConsumerEvents,
  type ConsumerObserver,
} from '../../src/flow/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { undo } from '../support/undo.ts'
import { turn, until } from '../support/watch.ts'

/** One event of a consumer, by name. */
export type Seen = {
  readonly [Name in keyof ConsumerEvents]: readonly [Name, ConsumerEvents[Name]]
}[keyof ConsumerEvents]

/** An observer that keeps everything. */
export class Ear {
  readonly all: Seen[] = []
  readonly observer: ConsumerObserver

  constructor() {
    const names = [
      'handlerError',
      'lateResult',
      'duplicate',
      'deadLettered',
      'deadLetterFailed',
      'discarded',
      'returned',
      'tooLate',
      'held',
      'released',
      'ended',
      'callbackError',
    ] as const
    this.observer = Object.fromEntries(
      names.map((name) => [name, (event: never) => this.all.push([name, event] as Seen)]),
    )
  }

  of<Name extends keyof ConsumerEvents>(name: Name): ConsumerEvents[Name][] {
    return this.all.flatMap((event) => (event[0] === name ? [event[1] as ConsumerEvents[Name]] : []))
  }
}

/** A memory broker and a clock that the test moves. */
export interface World {
  readonly clock: ManualClock
  readonly broker: MemoryBroker
  readonly ear: Ear
  /** Options every consumer of the test has. */
  readonly base: { readonly clock: ManualClock; readonly observer: ConsumerObserver }
}

export function world(): World {
  const clock = new ManualClock()
  const ear = new Ear()
  const broker = createBroker({ clock })
  undo.push(() => broker.close())
  return { clock, broker, ear, base: { clock, observer: ear.observer } }
}

/** Without chance, so that a test can tell when an attempt is due: 100 ms, 200 ms, 400 ms and so on. */
export const steady = { firstMs: 100, factor: 2, jitter: 0 } as const

/** Lets what is under way go on, moves the clock, and lets what was due go on. */
export async function pass(clock: ManualClock, ms: number): Promise<void> {
  await quiet()
  clock.advance(ms)
  await quiet()
}

/** Enough turns for every chain of promises in these tests. */
export async function quiet(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await turn()
}

/** Waits until nothing is inside a consumer, and checks its books. */
export async function untilEmpty(consumer: Consumer): Promise<void> {
  await quiet() // or one that has not begun would be empty
  await until(() => {
    const ledger = consumer.ledger()
    assertConsumerBalanced(ledger)
    return Object.values(ledger.inFlight).every((count) => count === 0)
  })
}

/** Publishes payloads to one topic. */
export async function publishAll(
  broker: { publish(topic: string, payload: unknown): Promise<unknown> },
  topic: string,
  payloads: readonly unknown[],
): Promise<void> {
  for (const payload of payloads) await broker.publish(topic, payload)
}

/** The payloads of messages. */
export function payloadsOf(messages: readonly Message[]): unknown[] {
  return messages.map(({ payload }) => payload)
}

/** What a handler that must fail throws. */
export class Failure extends Error {
  override readonly name = 'Failure'
}
